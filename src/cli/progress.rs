//! The progress of commands that take long.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The time between two lines where there is no terminal.
const PAUSE: Duration = Duration::from_secs(10);

/// Tells on standard error how far a command is: a bar on a terminal, else a line from time to
/// time.
pub(super) struct Progress {
    bar: ProgressBar,
    /// None on a terminal.
    lines: Option<Lines>,
}

impl Progress {
    /// Progress over `length` things of this `noun`, where the number is known.
    pub fn new(length: Option<u64>, noun: &'static str) -> Self {
        let lines = Lines {
            length,
            noun,
            done: 0,
            due: Instant::now() + PAUSE,
        };
        Self {
            bar: progress(length, noun),
            lines: (!io::stderr().is_terminal()).then_some(lines),
        }
    }

    /// One more is done.
    pub fn inc(&mut self, by: u64) {
        self.bar.inc(by);
        if let Some(lines) = &mut self.lines
            && lines.add(by, Instant::now())
        {
            // Nobody may read them.
            let _ = writeln!(io::stderr(), "{lines}");
        }
    }

    /// Runs `print` while no bar is in the way.
    pub fn suspend<R>(&self, print: impl FnOnce() -> R) -> R {
        self.bar.suspend(print)
    }

    /// Clears the bar.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// What a line tells.
struct Lines {
    length: Option<u64>,
    noun: &'static str,
    done: u64,
    /// When the next line is due.
    due: Instant,
}

impl Lines {
    /// Adds so many. Returns whether a line is due `now`.
    fn add(&mut self, by: u64, now: Instant) -> bool {
        self.done += by;
        let due = now >= self.due;
        if due {
            self.due = now + PAUSE;
        }
        due
    }
}

impl fmt::Display for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.length {
            Some(length) => write!(f, "{} of {length} {}", self.done, self.noun),
            None => write!(f, "{} {}", self.done, self.noun),
        }
    }
}

/// A progress bar over `length` things of this `noun`, where the number is known, on standard
/// error; nothing where that is no terminal.
pub(super) fn progress(length: Option<u64>, noun: &str) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let (bar, template) = match length {
        Some(n) => (
            ProgressBar::new(n),
            format!("{{bar:40}} {{pos}}/{{len}} {noun}, {{per_sec}}, {{eta}} left"),
        ),
        None => (
            ProgressBar::no_length(),
            format!("{{spinner}} {{pos}} {noun}, {{per_sec}}"),
        ),
    };
    bar.set_draw_target(ProgressDrawTarget::stderr());
    // The templates are right but for the noun; were one wrong, indicatif's own would do.
    match ProgressStyle::with_template(&template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_comes_every_ten_seconds() {
        let begun = Instant::now();
        let mut lines = Lines {
            length: Some(300),
            noun: "pictures",
            done: 0,
            due: begun + PAUSE,
        };
        let mut told = Vec::new();
        for tenth in 0..=250 {
            if lines.add(1, begun + Duration::from_millis(100 * tenth)) {
                told.push(lines.to_string());
            }
        }
        assert_eq!(told, ["101 of 300 pictures", "201 of 300 pictures"]);
        lines.length = None;
        assert_eq!(lines.to_string(), "251 pictures");
    }
}
