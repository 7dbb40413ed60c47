//! Why a configuration is refused, and where.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::types::in_words;
use super::unknown::instead;

/// The longest name of a key that is shown. None that is known comes near.
const LONGEST_KEY: usize = 40;

/// Why a configuration is refused. Its text is one line: file, line, key, what to write instead.
#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    /// The file.
    pub path: PathBuf,
    /// The line, counted from 1, where the error has one.
    pub line: Option<usize>,
    /// The key, dotted with its section.
    pub key: Option<String>,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        match &self.key {
            Some(key) => write!(f, ": {key}: {}", self.message),
            None => write!(f, ": {}", self.message),
        }
    }
}

impl std::error::Error for Error {}

impl Error {
    /// An error of a file as a whole.
    pub(super) fn of_file(path: &Path, message: String) -> Self {
        Self {
            path: path.to_path_buf(),
            line: None,
            key: None,
            message,
        }
    }
}

/// serde's message in the words of this program, and the key that it is shown with; an unknown key
/// comes with what to write instead. `key` is the dotted key that is meant; `homes` gives the
/// sections that know a key.
pub(super) fn explain(
    message: &str,
    key: Option<String>,
    homes: impl Fn(&str) -> Vec<String>,
) -> (Option<String>, String) {
    let message = one_line(message);
    if message.starts_with("unknown field") {
        return unknown(&message, key, homes);
    }
    let message = reworded(message, key.as_deref());
    (key, message)
}

/// [`explain`] for a key that is not known.
fn unknown(
    message: &str,
    key: Option<String>,
    homes: impl Fn(&str) -> Vec<String>,
) -> (Option<String>, String) {
    let names: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let (name, known) = names.split_first().map_or(("", &[][..]), |(n, k)| (n, k));
    let section = key.as_deref().and_then(|key| key.rsplit_once('.'));
    let section = section.map(|(section, _)| section.to_string());
    let within = section.as_deref().unwrap_or_default();
    if let Some(advice) = instead(name, within, known, &homes(name)) {
        return (key, advice);
    }
    let known = known.join(", ");
    (
        section,
        format!("unknown key in this line; known here are {known}"),
    )
}

/// serde's message in the words of this program.
fn reworded(message: String, key: Option<&str>) -> String {
    if key == Some("region") && message.starts_with("invalid type: map") {
        return "has a table for each region; write [[region]], in double brackets".into();
    }
    if let Some(words) = in_words(&message) {
        return words;
    }
    let names: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let known = names.get(1..).unwrap_or_default();
    if message.starts_with("unknown variant") && !known.is_empty() {
        let list: Vec<String> = known.iter().map(|k| format!("\"{k}\"")).collect();
        return format!("must be one of {}", list.join(", "));
    }
    message
}

pub(super) fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(super) fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()
        .iter()
        .take(at)
        .filter(|&&b| b == b'\n')
        .count()
        + 1
}

/// `key`, if it looks like one: a secret in its place must not be shown.
fn shown(key: &str) -> &str {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if key.len() <= LONGEST_KEY && key.chars().all(plain) {
        key
    } else {
        "(no key)"
    }
}

/// The dotted key whose name or value covers `span`.
pub(super) fn key_at(table: &DeTable<'_>, span: &Range<usize>, before: &str) -> Option<String> {
    let within = |s: &Range<usize>| s.start <= span.start && span.end <= s.end;
    for (key, value) in table {
        let name = format!("{before}{}", shown(key.get_ref()));
        if within(&key.span()) {
            return Some(name);
        }
        let tables = match value.get_ref() {
            DeValue::Table(inner) => vec![inner],
            DeValue::Array(items) => items
                .iter()
                .filter_map(|i| i.get_ref().as_table())
                .collect(),
            _ => Vec::new(),
        };
        let inside = tables
            .iter()
            .find_map(|inner| key_at(inner, span, &format!("{name}.")));
        if inside.is_some() {
            return inside;
        }
        if within(&value.span()) {
            return Some(name);
        }
    }
    None
}

/// Byte offset of the dotted `key`, or of the innermost table around it where the key is left out.
pub(super) fn position(table: &DeTable<'_>, key: &str) -> Option<usize> {
    let (mut table, mut found) = (table, None);
    for name in key.split('.') {
        let Some((key, value)) = table.iter().find(|(key, _)| key.get_ref() == name) else {
            break;
        };
        found = Some(key.span().start);
        let DeValue::Table(inner) = value.get_ref() else {
            break;
        };
        table = inner;
    }
    found
}
