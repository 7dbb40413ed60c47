//! The terminal on standard error, which log lines and a view share.
//!
//! The view is a few lines at the bottom. It is drawn again in place, and lines of the log and of
//! standard output go above it. Nothing is hidden and no other screen is entered, so a process that
//! ends in whatever way leaves a usable terminal: the cursor stands at the beginning of a line.

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use console::Term;

/// The lines of the view that are on the terminal now.
static SHOWN: Mutex<Vec<Line>> = Mutex::new(Vec::new());

/// A line of a view.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    /// The text, with what colours it.
    pub(crate) text: String,
    /// Columns that it takes.
    pub(crate) width: usize,
}

/// Whether standard error is a terminal that can move its cursor.
pub(crate) fn is_there() -> bool {
    Term::stderr().is_term() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Rows and columns of the terminal.
pub(crate) fn size() -> (usize, usize) {
    let (rows, columns) = Term::stderr().size_checked().unwrap_or((24, 80));
    // A serial line may not know its size.
    let or = |size: u16, usual: usize| if size == 0 { usual } else { size.into() };
    (or(rows, 24), or(columns, 80))
}

/// Draws `lines` in the place of those from before. Those that the terminal is too low for are left
/// out.
pub(crate) fn draw(mut lines: Vec<Line>) {
    let (rows, columns) = size();
    lines.truncate(rows.saturating_sub(1));
    let mut shown = shown();
    let mut out = erased(&shown, columns);
    out.push_str(&drawn(&lines));
    *shown = lines;
    // A terminal that is gone has no reader.
    let _ = io::stderr().write_all(out.as_bytes());
}

/// Removes the view.
pub(crate) fn clear() {
    draw(Vec::new());
}

/// Runs `print`, which writes whole lines to the terminal by another way, above the view. It must
/// not log.
pub(crate) fn above<R>(print: impl FnOnce() -> R) -> R {
    let shown = shown();
    if shown.is_empty() {
        // Others need not wait.
        drop(shown);
        return print();
    }
    let _ = io::stderr().write_all(erased(&shown, size().1).as_bytes());
    let printed = print();
    let _ = io::stderr().write_all(drawn(&shown).as_bytes());
    printed
}

/// Standard error for whole lines, which go above the view.
pub(crate) struct Above;

impl Write for Above {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        above(|| io::stderr().write_all(bytes)).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn shown() -> MutexGuard<'static, Vec<Line>> {
    SHOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What removes `lines` from a terminal with so many columns. One that became narrower has wrapped
/// them.
fn erased(lines: &[Line], columns: usize) -> String {
    let rows = |line: &Line| line.width.div_ceil(columns.max(1)).max(1);
    match lines.iter().map(rows).sum::<usize>() {
        0 => String::new(),
        rows => format!("\x1b[{rows}A\r\x1b[J"),
    }
}

fn drawn(lines: &[Line]) -> String {
    lines
        .iter()
        .flat_map(|line| [line.text.as_str(), "\r\n"])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_erased_by_the_rows_that_it_takes_now() {
        let line = |width| Line {
            text: "x".repeat(width),
            width,
        };
        let lines = [line(30), line(0), line(80)];
        assert_eq!(erased(&lines, 80), "\x1b[3A\r\x1b[J");
        assert_eq!(erased(&lines, 40), "\x1b[4A\r\x1b[J");
        assert_eq!(erased(&lines, 0), "\x1b[111A\r\x1b[J");
        assert_eq!(erased(&[], 80), "");
        assert!(drawn(&lines).ends_with("\r\n"));
    }
}
