//! The code agrees with ARCHITECTURE.md's table of rooms, and no two files need each other.

mod checker;
mod graph;
mod source;
mod table;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use crate::support::program::root;
use graph::{Arrows, Crate};
use table::Row;

static GOLDCREST: LazyLock<Crate> = LazyLock::new(|| {
    let src = root().join("src");
    let read = |path: PathBuf| {
        let name = path.strip_prefix(&src).unwrap().to_str().unwrap();
        (name.to_string(), fs::read_to_string(&path).unwrap())
    };
    Crate::read(files_in(&src).into_iter().map(read))
});

static ROOMS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let markdown = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    table::read(&markdown).unwrap_or_else(|wrong| panic!("ARCHITECTURE.md: {wrong}"))
});

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let files = paths.flat_map(|path| {
        if path.is_dir() {
            files_in(&path)
        } else {
            vec![path]
        }
    });
    files
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .collect()
}

/// Arrows that no row allows, a line for each place.
fn forbidden(arrows: &Arrows, rows: &[Row]) -> Vec<String> {
    let mut lines = Vec::new();
    for ((from, to), places) in arrows {
        let mut rows = rows.iter();
        if !rows.any(|row| row.room == *from && row.may_use.contains(to)) {
            lines.extend(
                places
                    .iter()
                    .map(|place| format!("{place}: {from} -> {to}")),
            );
        }
    }
    lines
}

/// The arrows that the table allows and no room needs.
fn unused(arrows: &Arrows, rows: &[Row]) -> Vec<String> {
    let mut lines = Vec::new();
    for Row { room, may_use } in rows {
        let unused = |to: &&String| !arrows.contains_key(&(room.clone(), to.to_string()));
        lines.extend(
            may_use
                .iter()
                .filter(unused)
                .map(|to| format!("{room} -> {to}")),
        );
    }
    lines
}

#[track_caller]
fn assert_none(lines: Vec<String>, wrong: &str) {
    assert!(lines.is_empty(), "{wrong}:\n{}", lines.join("\n"));
}

#[test]
fn each_room_has_a_row_in_the_table_of_rooms() {
    let rows: BTreeSet<&String> = ROOMS.iter().map(|row| &row.room).collect();
    assert_eq!(rows, GOLDCREST.rooms(), "table (left) and src (right)");
}

#[test]
fn each_room_uses_only_those_that_its_row_allows() {
    let wrong = "ARCHITECTURE.md, \"The rooms\", does not allow";
    assert_none(forbidden(&GOLDCREST.arrows(), &ROOMS), wrong);
}

#[test]
fn the_table_of_rooms_allows_nothing_that_no_room_uses() {
    let wrong = "ARCHITECTURE.md, \"The rooms\", allows what the code does not need";
    assert_none(unused(&GOLDCREST.arrows(), &ROOMS), wrong);
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    assert_none(GOLDCREST.circles(), "files in a circle");
}
