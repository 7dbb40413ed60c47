//! The last line of a child's standard error.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::secrets::Secrets;
use crate::escape::OneLine;

/// The most bytes of a line that are kept; the rest of it is read and forgotten.
const LONGEST: usize = 4 << 10;

/// Bytes that all of it takes: two lines in buffers that have grown, and what is read at once.
pub(super) const MEMORY: usize = 5 * LONGEST;

/// The most characters of a line that are shown.
const SHOWN: usize = 300;

/// The last line that a child wrote to its standard error, for other threads.
#[derive(Clone, Default)]
pub(super) struct Complaint(Arc<Mutex<Lines>>);

#[derive(Default)]
struct Lines {
    last: Vec<u8>,
    /// The line that is being written.
    present: Vec<u8>,
    /// Whether nothing more comes.
    over: bool,
}

impl Complaint {
    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads `stderr` to its end, whatever comes: a child whose pipe is full would stand still.
    pub fn drain(&self, mut stderr: impl Read) {
        let mut buffer = [0; 4 << 10];
        loop {
            match stderr.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => self.lock().add(&buffer[..n]),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        self.lock().over = true;
    }

    /// Whether all of it was read.
    pub fn is_over(&self) -> bool {
        self.lock().over
    }

    /// The last line that is not empty, without `secrets` and cut to a readable length; none if
    /// nothing was written.
    pub fn last(&self, secrets: &Secrets) -> Option<String> {
        let lines = self.lock();
        // A line without its end counts if nothing more comes.
        let blank = |line: &[u8]| line.iter().all(u8::is_ascii_whitespace);
        let whole = !lines.over && !blank(&lines.last);
        let line = if whole || blank(&lines.present) {
            &lines.last
        } else {
            &lines.present
        };
        let text = String::from_utf8_lossy(line);
        let mut hidden = secrets.hide(text.trim());
        if line.len() >= LONGEST {
            // The cut may have left the beginning of a secret.
            let mut end = hidden.len().saturating_sub(secrets.longest());
            while !hidden.is_char_boundary(end) {
                end -= 1;
            }
            hidden.truncate(end);
        }
        let shown = printable(&hidden);
        (!shown.is_empty()).then_some(shown)
    }
}

impl Lines {
    fn add(&mut self, bytes: &[u8]) {
        // Programs overwrite a line of progress with a carriage return.
        for part in bytes.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
            let (end, text) = match part.split_last() {
                Some((b'\n' | b'\r', text)) => (true, text),
                _ => (false, part),
            };
            let room = LONGEST - self.present.len().min(LONGEST);
            self.present
                .extend_from_slice(&text[..text.len().min(room)]);
            if end {
                if !self.present.iter().all(u8::is_ascii_whitespace) {
                    std::mem::swap(&mut self.last, &mut self.present);
                }
                self.present.clear();
            }
        }
    }
}

/// `text` in one line that does nothing to a terminal, of [`SHOWN`] characters at most.
fn printable(text: &str) -> String {
    let end = text.char_indices().nth(SHOWN).map(|(end, _)| end);
    let shown = OneLine(&text[..end.unwrap_or(text.len())]);
    format!("{shown}{}", if end.is_some() { "..." } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last(text: &[u8], arguments: &[&str]) -> Option<String> {
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        let complaint = Complaint::default();
        complaint.drain(text);
        complaint.last(&Secrets::of(&arguments))
    }

    #[test]
    fn the_last_line_that_is_not_empty_is_kept() {
        for (text, want) in [
            (&b""[..], None),
            (b" \n\n", None),
            (b"one\ntwo\n\n \n", Some("two")),
            (b"frame=1\rframe=2\r", Some("frame=2")),
            (b"one\ntwo, and no end", Some("two, and no end")),
        ] {
            assert_eq!(last(text, &[]).as_deref(), want);
        }
    }

    #[test]
    fn characters_that_steer_a_terminal_are_escaped() {
        let line = last("\u{1b}[31mred\u{7} \u{202e}txt\n".as_bytes(), &[]).unwrap();
        assert_eq!(line, "\\u{1b}[31mred\\u{7} \\u{202e}txt");
        assert!(last(b"\xff\xfe", &[]).unwrap().contains('\u{fffd}'));
    }

    #[test]
    fn a_flood_is_bounded_and_shows_no_part_of_a_secret() {
        let secret = "cuckoo".repeat(20);
        let flood = format!("{}{}", "no camera ".repeat(20), secret.repeat(99));
        let complaint = Complaint::default();
        for _ in 0..50 {
            complaint.drain(flood.as_bytes());
        }
        let lines = complaint.lock();
        assert!(lines.present.capacity() <= 2 * LONGEST);
        drop(lines);
        let arguments = ["--password".to_string(), secret];
        let line = complaint.last(&Secrets::of(&arguments)).unwrap();
        assert!(line.len() < 4 * SHOWN, "{line}");
        assert!(
            line.contains("no camera") && !line.contains("cuck"),
            "{line}"
        );
    }

    #[test]
    fn a_long_line_is_cut() {
        let line = last(&[b'x'; 10_000], &[]).unwrap();
        assert_eq!(line.len(), SHOWN + 3);
    }
}
