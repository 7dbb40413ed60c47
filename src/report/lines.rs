//! The lines of all frames for the data of the page, which become shorter where there are many.

use std::borrow::Cow;
use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use crate::escape;

/// The most bytes of the lines of frames.
const MOST: usize = 2_600_000;

/// The form of the lines of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Form {
    /// As `replay --json` prints them.
    Full,
    /// Number, time, label and score alone: the full ones would be too many bytes.
    Short,
    /// Left out, because they would be too many bytes in either form.
    RunsOnly,
}

/// The lines of all frames. JSON lines are written to it, as to a file.
pub(crate) struct Lines {
    form: Form,
    /// Objects with commas between them, safe in a script element.
    text: Vec<u8>,
    /// The line that is being written.
    line: Vec<u8>,
    most: usize,
}

/// What is left of a line where there are many.
#[derive(Deserialize, Serialize)]
struct Short<'a> {
    seq: u64,
    time: f64,
    #[serde(borrow)]
    label: Cow<'a, str>,
    score: f64,
}

impl Default for Lines {
    fn default() -> Self {
        Self {
            form: Form::Full,
            text: Vec::new(),
            line: Vec::new(),
            most: MOST,
        }
    }
}

impl Lines {
    /// Bytes that are held.
    pub(crate) fn bytes(&self) -> usize {
        self.text.capacity() + self.line.capacity()
    }

    /// Their form.
    pub(super) fn form(&self) -> Form {
        self.form
    }

    /// The lines, with commas between them, safe in a script element.
    pub(super) fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.text)
    }

    /// How the lines differ from those of `replay --json`, in a sentence without its end.
    pub(super) fn reduced(&self) -> Option<&'static str> {
        match self.form {
            Form::Full => None,
            Form::Short => Some(
                "There are so many frames that each has its number, time, best label and score alone",
            ),
            Form::RunsOnly => Some(
                "There are so many frames that the data has none of them, but the runs of equal labels",
            ),
        }
    }

    fn end_line(&mut self) {
        if self.form == Form::Full {
            let before = self.text.len();
            append(&mut self.text, &self.line);
            if self.text.len() > self.most {
                self.text.truncate(before);
                self.shorten();
            } else {
                self.line.clear();
                return;
            }
        }
        if self.form == Form::Short {
            let short = short(&self.line);
            append(&mut self.text, &short);
            if self.text.len() > self.most {
                self.form = Form::RunsOnly;
                self.text = Vec::new();
            }
        }
        self.line.clear();
    }

    /// Makes all lines short.
    fn shorten(&mut self) {
        self.form = Form::Short;
        let long = std::mem::take(&mut self.text);
        for line in long.split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b",").unwrap_or(line);
            append(&mut self.text, &short(line));
        }
    }
}

/// The short form of a line.
fn short(line: &[u8]) -> Vec<u8> {
    let mut short = Vec::new();
    // The lines are our own; one that could not be read would be left out.
    if let Ok(read) = serde_json::from_slice::<Short<'_>>(line) {
        let _ = escape::write_json(&mut short, &read);
    }
    short
}

/// Adds a line, behind a comma if it is not the first.
fn append(text: &mut Vec<u8>, line: &[u8]) {
    if line.is_empty() {
        return;
    }
    if !text.is_empty() {
        text.extend_from_slice(b",\n");
    }
    for &byte in line {
        match byte {
            // It could end the element of the page, or begin a comment there.
            b'<' => text.extend_from_slice(b"\\u003c"),
            byte => text.push(byte),
        }
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.form == Form::RunsOnly {
            return Ok(bytes.len());
        }
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            match part.strip_suffix(b"\n") {
                Some(end) => {
                    self.line.extend_from_slice(end);
                    self.end_line();
                }
                None => self.line.extend_from_slice(part),
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(lines: &mut Lines, frames: std::ops::Range<u64>) {
        for seq in frames {
            let line = format!(
                "{{\"seq\":{seq},\"source\":\"</script>\",\"time\":0.5,\"label\":\"a\\u202e<b\",\"score\":0.25,\"state\":null}}\n"
            );
            // As a serializer does: in pieces.
            for piece in line.as_bytes().chunks(7) {
                lines.write_all(piece).unwrap();
            }
        }
    }

    fn read(lines: &Lines) -> Vec<serde_json::Value> {
        let text = String::from_utf8(lines.text.clone()).unwrap();
        assert!(!text.contains('<'));
        serde_json::from_str(&format!("[{text}]")).unwrap()
    }

    #[test]
    fn lines_become_short_and_then_none_rather_than_large() {
        let mut lines = Lines {
            most: 2_000,
            ..Lines::default()
        };
        write(&mut lines, 0..5);
        assert_eq!((lines.form, read(&lines).len()), (Form::Full, 5));
        assert_eq!(read(&lines)[4]["source"], "</script>");
        write(&mut lines, 5..25);
        let short = read(&lines);
        assert_eq!((lines.form, short.len()), (Form::Short, 25));
        for (seq, line) in short.iter().enumerate() {
            assert_eq!(line["seq"], seq);
            assert_eq!(line["label"], "a\u{202e}<b");
            assert_eq!(line.as_object().unwrap().len(), 4);
        }
        write(&mut lines, 25..100);
        assert_eq!((lines.form, lines.text.len()), (Form::RunsOnly, 0));
        assert!(lines.bytes() < 4_000);
    }
}
