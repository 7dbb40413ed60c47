//! The text of `labels.txt`.

use std::collections::HashMap;

use crate::misfit::Misfit;

/// One label a line, as written, with LF or CR LF. One empty line may end the file.
///
/// # Errors
/// The fault and its line: a label that is empty, or one that stands twice.
pub(super) fn parse(text: &str) -> Result<Vec<String>, Misfit> {
    let mut lines: Vec<&str> = text.lines().collect();
    if lines.len() > 1 && lines.last().is_some_and(|l| l.trim().is_empty()) {
        lines.pop();
    }
    if lines.is_empty() {
        return Err(Misfit::new("it", "is empty; give it one label a line"));
    }
    let mut found = HashMap::new();
    for (number, &label) in (1..).zip(&lines) {
        if label.trim().is_empty() {
            let message = "is empty; each line must hold a label";
            return Err(Misfit::new(format!("line {number}"), message));
        }
        if let Some(first) = found.insert(label, number) {
            return Err(Misfit::new(
                format!("lines {first} and {number}"),
                format!("are both {label:?}; give each label a name of its own"),
            ));
        }
    }
    Ok(lines.into_iter().map(str::to_string).collect())
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
            assert_eq!(parse(text).unwrap(), ["a b", " c"], "{text:?}");
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
}
