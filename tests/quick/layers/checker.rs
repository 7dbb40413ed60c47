//! The checker itself, on a few lines of source.

use super::graph::Crate;
use super::table::{self, Row};
use super::{forbidden, unused};

fn read(files: &[(&str, &str)]) -> Crate {
    let files: Vec<_> = files
        .iter()
        .map(|(file, text)| (file.to_string(), text.to_string()))
        .collect();
    Crate::read(&files)
}

/// Three rooms, of which each may use those before it.
fn rows() -> Vec<Row> {
    let table = "# A house\n\n## The rooms\n\nFrom low to high:\n\n| room | noun | may use |\n|---|---|---|\n\
                 | `cellar` | | |\n| `hall` | | `cellar` |\n| `roof` | | `cellar`, `hall` |\n\nMore.\n";
    table::read(table).unwrap()
}

/// What is forbidden in these files, besides two empty rooms.
fn arrows_of(files: &[(&str, &str)]) -> Vec<String> {
    let empty = ["cellar/mod.rs", "hall/mod.rs", "roof.rs"];
    let missing = empty.iter().filter(|e| !files.iter().any(|(f, _)| f == *e));
    let all: Vec<_> = files
        .iter()
        .copied()
        .chain(missing.map(|e| (*e, "")))
        .collect();
    forbidden(&read(&all).arrows(), &rows())
}

#[test]
fn an_arrow_upwards_is_found_with_its_line() {
    let found = arrows_of(&[("hall/door.rs", "//! A door.\n\nuse crate::roof::Tile;\n")]);
    assert_eq!(found, ["src/hall/door.rs:3: hall -> roof"]);
}

#[test]
fn an_arrow_downwards_is_fine() {
    let text = "use crate::{cellar::Wine, hall::door};\nuse std::fs;\nuse log::info;\n";
    assert!(arrows_of(&[("roof.rs", text)]).is_empty());
}

#[test]
fn an_arrow_within_a_nested_use_is_found() {
    let text =
        "use crate::{\n    hall::{self, Coat},\n    roof::{tiles::{Red, Blue as B}, *},\n};\n";
    let found = arrows_of(&[("cellar/mod.rs", text)]);
    let wanted = ["2: cellar -> hall", "3: cellar -> roof"];
    assert_eq!(found, wanted.map(|w| format!("src/cellar/mod.rs:{w}")));
}

#[test]
fn an_arrow_by_a_path_in_code_is_found() {
    let text = "fn f() -> u8 {\n    let a = crate::roof::height();\n    a\n}\n";
    let found = arrows_of(&[("cellar/mod.rs", text)]);
    assert_eq!(found, ["src/cellar/mod.rs:2: cellar -> roof"]);
}

#[test]
fn an_arrow_by_super_that_leaves_the_room_is_found() {
    let text = "use super::Shelf;\nuse super::super::roof::Tile;\n";
    let found = arrows_of(&[("cellar/wine.rs", text)]);
    assert_eq!(found, ["src/cellar/wine.rs:2: cellar -> roof"]);
}

#[test]
fn a_use_of_the_whole_crate_is_found() {
    let found = arrows_of(&[("hall/mod.rs", "use crate::*;\n")]);
    assert_eq!(found, ["src/hall/mod.rs:1: hall -> *"]);
}

#[test]
fn tests_may_use_everything() {
    let found = arrows_of(&[
        (
            "hall/mod.rs",
            "#[cfg(test)]\nmod properties;\n#[cfg(test)]\nuse crate::roof::Tile;\n\
             #[cfg(test)]\n#[allow(unused)]\nmod tests {\n    use crate::roof::Tile;\n}\n",
        ),
        ("hall/properties.rs", "use crate::roof::Tile;\n"),
        ("cellar/tests/wine.rs", "use crate::roof::Tile;\n"),
    ]);
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn code_behind_test_code_is_read_again() {
    let text =
        "#[cfg(test)]\nmod tests {\n    fn f() {}\n}\n#[cfg(not(test))]\nuse crate::roof::Tile;\n";
    let found = arrows_of(&[("hall/mod.rs", text)]);
    assert_eq!(found, ["src/hall/mod.rs:6: hall -> roof"]);
}

#[test]
fn comments_and_strings_are_no_arrows() {
    let text = "//! [`crate::roof`]\n/* crate::roof::a /* nested */ crate::roof::b */\n\
                const A: &str = \"crate::roof::a \\\" crate::roof::b\";\n\
                const B: &str = r#\"crate::roof::\"a\"\"#;\nconst C: char = '\"';\nfn f<'a>() {}\n";
    assert!(arrows_of(&[("cellar/mod.rs", text)]).is_empty());
}

#[test]
fn a_permission_that_nobody_needs_is_found() {
    let house = read(&[
        ("cellar.rs", ""),
        ("hall.rs", "use crate::cellar::Wine;\n"),
        ("roof.rs", "use crate::hall::Coat;\n"),
    ]);
    assert_eq!(unused(&house.arrows(), &rows()), ["roof -> cellar"]);
}

#[test]
fn a_circle_of_two_files_is_found() {
    let house = read(&[
        ("hall/mod.rs", "mod coat;\nmod door;\npub use coat::Coat;\n"),
        (
            "hall/coat.rs",
            "use super::door::Door;\npub struct Coat(Door);\n",
        ),
        (
            "hall/door.rs",
            "\npub struct Door;\nfn f(_: crate::hall::coat::Coat) {}\n",
        ),
    ]);
    let wanted = [
        "src/hall/coat.rs:1",
        "src/hall/door.rs:3",
        "src/hall/coat.rs",
    ];
    assert_eq!(house.circles(), [wanted]);
}

#[test]
fn a_circle_through_a_re_export_is_found() {
    let house = read(&[
        (
            "hall/mod.rs",
            "mod coat;\nmod door;\npub use self::coat::{Coat, Hat as Cap};\n",
        ),
        (
            "hall/coat.rs",
            "use super::door;\npub struct Coat;\npub struct Hat;\nfn f() { door::shut() }\n",
        ),
        ("hall/door.rs", "use super::Cap;\npub fn shut() {}\n"),
    ]);
    let wanted = [
        "src/hall/coat.rs:4",
        "src/hall/door.rs:1",
        "src/hall/coat.rs",
    ];
    assert_eq!(house.circles(), [wanted]);
}

#[test]
fn a_circle_of_three_files_is_found() {
    let house = read(&[
        ("hall/mod.rs", "mod a;\nmod b;\nmod c;\n"),
        ("hall/a.rs", "use super::b::B;\npub struct A;\n"),
        ("hall/b.rs", "use super::c::C;\npub struct B;\n"),
        ("hall/c.rs", "use super::a::A;\npub struct C;\n"),
    ]);
    assert_eq!(house.circles().len(), 1);
    assert_eq!(house.circles()[0].len(), 4);
}

#[test]
fn the_front_of_a_folder_may_use_what_is_in_it() {
    let house = read(&[
        (
            "hall/mod.rs",
            "mod coat;\nuse coat::Coat;\npub struct Peg;\nfn f(_: Coat) {}\n",
        ),
        ("hall/coat.rs", "use super::Peg;\npub struct Coat(Peg);\n"),
    ]);
    assert!(house.circles().is_empty(), "{:?}", house.circles());
}

#[test]
fn a_file_that_passes_a_name_on_does_not_use_it() {
    let files = |passes: &str| {
        read(&[
            ("hall/mod.rs", "mod coat;\nmod door;\n"),
            ("hall/coat.rs", passes),
            (
                "hall/door.rs",
                "use super::coat::Coat;\npub struct Door(Coat);\n",
            ),
        ])
    };
    let house = files("pub use super::door::Door;\npub struct Coat;\n");
    assert!(house.circles().is_empty(), "{:?}", house.circles());
    let house = files("pub use super::door::Door;\npub struct Coat(Option<Door>);\n");
    assert_eq!(house.circles().len(), 1);
}

#[test]
fn a_table_that_points_upwards_or_is_no_table_is_refused() {
    let table = |rows: &str| {
        let head = "\n## The rooms\n| room | noun | may use |\n|---|---|---|\n";
        table::read(&format!("{head}{rows}\n")).unwrap_err()
    };
    assert!(table("| `a` | | `b` |\n| `b` | | |").contains("`a` may use `b`"));
    assert!(table("| `a` | | |\n| `a` | | |").contains("two rows"));
    assert!(table("| a | | |").contains("cannot be read"));
    assert!(table("| `a` | |").contains("cannot be read"));
    assert!(table::read("# Nothing\n").is_err());
}
