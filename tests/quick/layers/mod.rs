//! The code agrees with ARCHITECTURE.md's table of rooms, and no two files need each other.

mod checker;
mod graph;
mod source;
mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use crate::support::program::root;
use graph::{Arrows, Crate};
use table::Table;

static GOLDCREST: LazyLock<Crate> = LazyLock::new(|| Crate::read(sources("src")));

/// The Rust files below a `folder` of the repository, each a path below it and a text.
fn sources(folder: &str) -> impl Iterator<Item = (String, String)> {
    let folder = root().join(folder);
    let mut files = files_in(&folder);
    files.retain(|file| file.extension().is_some_and(|e| e == "rs"));
    files.into_iter().map(move |file| {
        let name = file.strip_prefix(&folder).unwrap().to_str().unwrap();
        (name.to_string(), fs::read_to_string(&file).unwrap())
    })
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let markdown = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    Table::read(&markdown).unwrap_or_else(|wrong| panic!("ARCHITECTURE.md: {wrong}"))
});

fn files_in(path: &Path) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_path_buf()];
    }
    let entries = fs::read_dir(path).unwrap();
    entries.flat_map(|e| files_in(&e.unwrap().path())).collect()
}

/// Arrows that the table does not allow, a line for each place.
fn forbidden(arrows: &Arrows, table: &Table) -> Vec<String> {
    let mut lines = Vec::new();
    for (arrow, places) in arrows {
        if !table.allowed.contains(arrow) {
            let (from, to) = arrow;
            lines.extend(places.iter().map(|at| format!("{at}: {from} -> {to}")));
        }
    }
    lines
}

/// The arrows that the table allows and no room needs.
fn unused(arrows: &Arrows, table: &Table) -> Vec<String> {
    let unused = table
        .allowed
        .iter()
        .filter(|arrow| !arrows.contains_key(arrow));
    unused.map(|(from, to)| format!("{from} -> {to}")).collect()
}

#[track_caller]
fn assert_none(lines: Vec<String>, wrong: &str) {
    assert!(lines.is_empty(), "{wrong}:\n{}", lines.join("\n"));
}

#[test]
fn each_room_has_a_row_in_the_table_of_rooms() {
    assert_eq!(
        TABLE.rooms,
        GOLDCREST.rooms(),
        "table (left) and src (right)"
    );
}

#[test]
fn each_room_uses_only_those_that_its_row_allows() {
    let wrong = "ARCHITECTURE.md, \"The rooms\", does not allow";
    assert_none(forbidden(&GOLDCREST.arrows(), &TABLE), wrong);
}

#[test]
fn the_table_of_rooms_allows_nothing_that_no_room_uses() {
    let wrong = "ARCHITECTURE.md, \"The rooms\", allows what the code does not need";
    assert_none(unused(&GOLDCREST.arrows(), &TABLE), wrong);
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    assert_none(GOLDCREST.circles(), "files in a circle");
    let kernels = Crate::read(sources("kernels/src"));
    assert_none(kernels.circles(), "files of kernels/ in a circle");
}

#[test]
fn the_engine_alone_uses_the_kernels() {
    let users: Vec<_> = sources("src")
        .filter(|(_, text)| text.contains("goldcrest_kernels"))
        .map(|(name, _)| name)
        .collect();
    assert!(users.iter().any(|name| name == "engine/classifier.rs"));
    let others = users.into_iter().filter(|n| !n.starts_with("engine/"));
    assert_none(others.collect(), "only src/engine may use kernels/");
}
