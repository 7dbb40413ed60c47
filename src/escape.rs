//! Text from outside, as a terminal and the journal may show it.
//!
//! A label, the name of a file or the words of another program must not look like a line of its
//! own, steer a terminal, or turn the direction of the text around it.

use std::fmt;
use std::io;
use std::path::Path;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// Whether `c` is a command to what shows the text rather than a part of it: a control character,
/// one that turns the direction of writing, or one that ends a line or a paragraph.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

/// A text on one line.
pub(crate) struct OneLine<T>(pub(crate) T);

impl<T: fmt::Display> fmt::Display for OneLine<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let to = &mut Escaped { to: f, steers };
        fmt::Write::write_fmt(to, format_args!("{}", self.0))
    }
}

/// A text of several lines, whose ends are its author's.
pub(crate) struct Lines<T>(pub(crate) T);

impl<T: fmt::Display> fmt::Display for Lines<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steers = |c| c != '\n' && steers(c);
        let to = &mut Escaped { to: f, steers };
        fmt::Write::write_fmt(to, format_args!("{}", self.0))
    }
}

/// Escapes what is written to it.
struct Escaped<'a, 'f> {
    to: &'a mut fmt::Formatter<'f>,
    steers: fn(char) -> bool,
}

impl fmt::Write for Escaped<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for part in text.split_inclusive(self.steers) {
            let plain = part.trim_end_matches(self.steers);
            self.to.write_str(plain)?;
            for c in part[plain.len()..].chars() {
                write!(self.to, "{}", c.escape_default())?;
            }
        }
        Ok(())
    }
}

/// `path` as one word of a shell's command.
pub(crate) fn shell_word(path: &Path) -> String {
    let path = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+,=@%:".contains(c);
    if path.chars().all(plain) && !path.starts_with('-') {
        path
    } else {
        format!("'{}'", path.replace('\'', r"'\''"))
    }
}

/// `value` as JSON on one line, see [`write_json`].
///
/// # Errors
/// The value has no form in JSON.
pub(crate) fn json(value: &impl Serialize) -> serde_json::Result<String> {
    let mut line = Vec::new();
    write_json(&mut line, value)?;
    String::from_utf8(line).map_err(|e| serde_json::Error::io(io::Error::other(e)))
}

/// Writes `value` as JSON on one line. JSON alone escapes only some of the characters that steer a
/// terminal; a program that reads the line gets the same text.
///
/// # Errors
/// Those of the writer.
pub(crate) fn write_json(out: impl io::Write, value: &impl Serialize) -> serde_json::Result<()> {
    value.serialize(&mut Serializer::with_formatter(out, Json))
}

/// How JSON is written.
struct Json;

impl Formatter for Json {
    fn write_string_fragment<W: io::Write + ?Sized>(
        &mut self,
        out: &mut W,
        text: &str,
    ) -> io::Result<()> {
        for part in text.split_inclusive(steers) {
            let plain = part.trim_end_matches(steers);
            out.write_all(plain.as_bytes())?;
            for c in part[plain.len()..].chars() {
                // None of them lies beyond the 16 bits of such an escape.
                write!(out, "\\u{:04x}", u32::from(c))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_one_line() {
        for (text, line) in [
            ("settings.json: a", "settings.json: a"),
            ("a\nb\r\nc\n", "a\\nb\\r\\nc\\n"),
            ("\x1b[31mred für alle", "\\u{1b}[31mred für alle"),
            ("", ""),
        ] {
            assert_eq!(OneLine(text).to_string(), line);
            assert_eq!(OneLine(format_args!("{}", text)).to_string(), line);
        }
    }

    #[test]
    fn what_steers_a_terminal_is_escaped_and_signs_are_not() {
        for c in "\0\t\x1b\x7f\u{80}\u{9b}\u{61c}\u{200e}\u{2028}\u{202a}\u{202e}\u{2066}\u{2069}"
            .chars()
        {
            let escaped = OneLine(c).to_string();
            assert!(escaped.is_ascii() && escaped.len() > 1, "{escaped:?}");
            assert!(!escaped.contains(char::is_control), "{escaped:?}");
            assert_eq!(Lines(c).to_string(), escaped);
        }
        // A person with a laptop is one sign out of three characters.
        for sign in ["Vögel", "鳥", "طائر", "\u{1f469}\u{200d}\u{1f4bb}"] {
            assert_eq!(OneLine(sign).to_string(), sign);
        }
    }

    #[test]
    fn several_lines_keep_their_ends_alone() {
        let text = "one\ntwo\r\x1b[2K\u{202e}";
        assert_eq!(Lines(text).to_string(), "one\ntwo\\r\\u{1b}[2K\\u{202e}");
    }

    #[test]
    fn json_reads_back_as_the_same_text() {
        let text = "a\"\n\x1b\x7f\u{9b}\u{202e}\u{2069}ü";
        let line = json(&[text]).unwrap();
        assert!(!line.contains(steers), "{line:?}");
        assert!(line.contains("\\u009b\\u202e"), "{line}");
        let read: Vec<String> = serde_json::from_str(&line).unwrap();
        assert_eq!(read, [text]);
    }

    #[test]
    fn a_path_is_one_word_of_a_shell() {
        for (path, word) in [
            ("/etc/a.toml", "/etc/a.toml"),
            ("my cat", "'my cat'"),
            ("it's", r"'it'\''s'"),
            ("-o", "'-o'"),
            ("a;b", "'a;b'"),
        ] {
            assert_eq!(shell_word(Path::new(path)), word);
        }
    }
}
