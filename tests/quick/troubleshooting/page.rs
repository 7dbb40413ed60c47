//! The page, and how one of its rows is found in what the program prints.

use std::fs;
use std::path::Path;

use crate::support::program::root;

/// The lines that the page explains, in its order.
pub(super) fn rows() -> Vec<String> {
    let page = fs::read_to_string(root().join("docs/troubleshooting.md")).unwrap();
    let rows: Vec<String> = page.lines().filter_map(row).collect();
    assert!(rows.len() > 50, "{}", rows.len());
    rows
}

/// The first cell of a row, if it is code: between single backticks, or between double ones where
/// the line itself has some.
fn row(line: &str) -> Option<String> {
    let cell = line.strip_prefix("| `")?;
    match cell.strip_prefix('`') {
        Some(cell) => cell.split_once("``").map(|(row, _)| row.trim().into()),
        None => cell.split_once('`').map(|(row, _)| row.into()),
    }
}

/// Whether `line` of the program, without what stands before its words, is what `row` shows.
pub(super) fn shows(row: &str, line: &str) -> bool {
    let before = ["goldcrest: ", "WARN  ", "ERROR ", "INFO  "];
    let bare = before.iter().find_map(|word| line.strip_prefix(word));
    let bare = bare
        .or_else(|| line.split_once("  FAIL  ").map(|(_, told)| told))
        .unwrap_or(line);
    let bare = bare.strip_prefix("setup: ").unwrap_or(bare);
    let mut parts = row.split('…');
    let Some(mut rest) = parts.next().and_then(|first| bare.strip_prefix(first)) else {
        return false;
    };
    let mut last = None;
    for part in parts {
        last = Some(part);
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    match last {
        Some(last) => bare.ends_with(last),
        None => rest.is_empty(),
    }
}

/// All Rust files of the program and of its tests, with the texts that go on in a next line put
/// together.
pub(super) fn sources() -> String {
    fn read(folder: &Path, all: &mut String) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("troubleshooting") {
                read(&path, all);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let mut parts = text.split("\\\n");
                *all += parts.next().unwrap();
                parts.for_each(|part| *all += part.trim_start());
            }
        }
    }
    let mut all = String::new();
    for folder in ["src", "tests"] {
        read(&root().join(folder), &mut all);
    }
    all.replace("\\\"", "\"")
}

#[test]
fn a_row_is_a_whole_line_with_gaps() {
    let row = "… is not there: plug it in";
    assert!(shows(row, "WARN  /dev/x is not there: plug it in"));
    assert!(shows(
        row,
        "source         FAIL  x is not there: plug it in"
    ));
    assert!(!shows(row, "x is not there: plug it in, or go"));
    assert!(!shows("is not there", "x is not there"));
    assert!(shows("the same", "goldcrest: the same"));
    assert!(!shows("the same", "the same, nearly"));
}
