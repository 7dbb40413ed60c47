//! The labels of a model, and the text of `labels.txt`.

use std::collections::HashMap;
use std::ops::Deref;

use crate::misfit::Misfit;

/// The most labels of a model.
pub(crate) const MOST: usize = 100_000;

/// The longest label, in bytes.
const LONGEST: usize = 256;

/// The labels of a model, one for each output, in order: at least one, each once, none blank, and
/// none with a character that a terminal would obey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels(Vec<String>);

impl Labels {
    /// Takes `labels` as they are.
    ///
    /// # Errors
    /// The fault and its line, counted from 1.
    pub fn new(labels: Vec<String>) -> Result<Self, Misfit> {
        if labels.is_empty() {
            return Err(Misfit::new("it", "is empty; give it one label a line"));
        }
        if labels.len() > MOST {
            let message = format!("has {} labels and may have {MOST}", labels.len());
            return Err(Misfit::new("it", message));
        }
        let mut found = HashMap::new();
        for (number, label) in (1..).zip(&labels) {
            if let Some(message) = fault(label) {
                return Err(Misfit::new(format!("line {number}"), message));
            }
            if let Some(first) = found.insert(label, number) {
                return Err(Misfit::new(
                    format!("lines {first} and {number}"),
                    format!("are both {label:?}; give each label a name of its own"),
                ));
            }
        }
        Ok(Self(labels))
    }
}

impl Deref for Labels {
    type Target = [String];

    fn deref(&self) -> &[String] {
        &self.0
    }
}

/// Why `label` is none.
fn fault(label: &str) -> Option<String> {
    if label.trim().is_empty() {
        return Some("is empty; each line must hold a label".into());
    }
    if label.len() > LONGEST {
        let length = label.len();
        return Some(format!("has {length} bytes and may have {LONGEST}"));
    }
    let control = label.chars().find(|&c| is_control(c))?;
    Some(format!(
        "has the control character {control:?}; leave it out"
    ))
}

/// Whether a terminal or a reader may obey `c` instead of showing it: controls, line separators,
/// and marks that turn the direction of text.
pub(crate) fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `text` of a parser about foreign text, which it may quote, on one line and without controls.
pub(crate) fn one_line(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    words
        .chars()
        .filter(|&c| !is_control(c))
        .take(300)
        .collect()
}

/// One label a line, as written, with LF or CR LF. One empty line may end the file.
///
/// # Errors
/// The fault and its line.
pub(super) fn parse(text: &str) -> Result<Labels, Misfit> {
    // Before a list of them is made: a file may be all line ends.
    let count = text.lines().count();
    if count > MOST + 1 {
        let message = format!("has {count} lines and may have {MOST} labels");
        return Err(Misfit::new("it", message));
    }
    let mut lines: Vec<&str> = text.lines().collect();
    if lines.len() > 1 && lines.last().is_some_and(|l| l.trim().is_empty()) {
        lines.pop();
    }
    Labels::new(lines.into_iter().map(str::to_string).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_as_written() {
        for text in [
            "a b\n c\n",
            "a b\n c",
            "a b\r\n c\r\n",
            "a b\n c\n\n",
            "a b\r\n c\r\n\r\n",
            "a b\n c\n  ",
        ] {
            let read = parse(text).unwrap();
            assert_eq!(*read, ["a b".to_string(), " c".into()], "{text:?}");
        }
    }

    #[test]
    fn an_empty_or_doubled_label_is_told_by_its_line() {
        for (text, says) in [
            ("", "it is empty"),
            ("\n", "line 1 is empty"),
            ("a\n\nb\n", "line 2 is empty"),
            ("a\n\n\n", "line 2 is empty"),
            ("a\nb\nc\nb\n", "lines 2 and 4 are both \"b\""),
        ] {
            let why = parse(text).unwrap_err().to_string();
            assert!(why.contains(says), "{text:?}: {why}");
        }
    }

    #[test]
    fn a_label_that_a_terminal_obeys_or_too_long_is_refused() {
        for hidden in [
            "\0", "\x1b[2J", "\t", "\r", "\u{9b}2J", "\u{202e}", "\u{2028}",
        ] {
            let why = parse(&format!("a\nb{hidden}c\n")).unwrap_err().to_string();
            assert!(why.contains("line 2 has the control"), "{hidden:?}: {why}");
            assert!(!why.chars().any(is_control), "{why:?}");
        }
        let longest = "é".repeat(LONGEST / 2);
        assert!(parse(&longest).is_ok());
        let why = parse(&format!("{longest}x")).unwrap_err().to_string();
        assert!(why.contains("line 1 has 257 bytes"), "{why}");
    }

    #[test]
    fn more_labels_than_a_model_may_have_are_refused() {
        let many = |count: usize| (0..count).map(|i| format!("{i}\n")).collect::<String>();
        assert_eq!(parse(&many(MOST)).unwrap().len(), MOST);
        for text in [many(MOST + 1), "\n".repeat(MOST + 2)] {
            let why = parse(&text).unwrap_err().to_string();
            assert!(why.contains("may have 100000"), "{why}");
        }
    }
}
