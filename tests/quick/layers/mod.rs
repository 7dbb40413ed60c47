//! The code agrees with ARCHITECTURE.md's table of rooms, and no two files need each other.

mod checker;
mod graph;
mod lexer;
mod module;
mod table;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::support::program::root;
use graph::{Arrow, Crate};
use table::Row;

fn collect(folder: &Path, src: &Path, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, src, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let name = path
                .strip_prefix(src)
                .unwrap()
                .to_str()
                .unwrap()
                .to_string();
            files.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
}

fn goldcrest() -> Crate {
    let src = root().join("src");
    let mut files = Vec::new();
    collect(&src, &src, &mut files);
    files.sort();
    Crate::read(&files)
}

fn rooms() -> Vec<Row> {
    let markdown = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    table::read(&markdown).unwrap_or_else(|wrong| panic!("ARCHITECTURE.md: {wrong}"))
}

/// Arrows that no row allows, a line each.
fn forbidden(arrows: &[Arrow], rows: &[Row]) -> Vec<String> {
    let allowed = |arrow: &&Arrow| {
        let mut rows = rows.iter();
        !rows.any(|row| row.room == arrow.from && row.may_use.contains(&arrow.to))
    };
    let line = |a: &Arrow| format!("src/{}:{}: {} -> {}", a.file, a.line, a.from, a.to);
    arrows.iter().filter(allowed).map(line).collect()
}

/// What the table allows and no room needs.
fn unused(arrows: &[Arrow], rows: &[Row]) -> Vec<String> {
    let mut unused = Vec::new();
    for row in rows {
        for to in &row.may_use {
            if !arrows.iter().any(|a| a.from == row.room && a.to == *to) {
                unused.push(format!("{} -> {to}", row.room));
            }
        }
    }
    unused
}

#[test]
fn each_room_has_a_row_in_the_table_of_rooms() {
    let rows: BTreeSet<String> = rooms().into_iter().map(|row| row.room).collect();
    assert_eq!(rows, goldcrest().rooms(), "table (left) and src (right)");
}

#[test]
fn each_room_uses_only_those_that_its_row_allows() {
    let forbidden = forbidden(&goldcrest().arrows(), &rooms());
    assert!(
        forbidden.is_empty(),
        "ARCHITECTURE.md, \"The rooms\", does not allow:\n{}",
        forbidden.join("\n")
    );
}

#[test]
fn the_table_of_rooms_allows_nothing_that_no_room_uses() {
    let unused = unused(&goldcrest().arrows(), &rooms());
    assert!(
        unused.is_empty(),
        "ARCHITECTURE.md, \"The rooms\", allows what the code does not need:\n{}",
        unused.join("\n")
    );
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    let circles = goldcrest().circles();
    let lines: Vec<String> = circles.iter().map(|circle| circle.join(" -> ")).collect();
    assert!(lines.is_empty(), "files in a circle:\n{}", lines.join("\n"));
}
