//! The checker itself, on a few lines of source.

use super::graph::Crate;
use super::table::Table;
use super::{forbidden, unused};

/// Reads files, each below a line with `==` and its path.
fn read(files: &str) -> Crate {
    let files = files.split("== ").skip(1);
    Crate::read(files.map(|file| {
        let (name, text) = file.split_once('\n').unwrap();
        (name.to_string(), text.to_string())
    }))
}

/// Three rooms, of which each may use those before it.
fn table() -> Table {
    let markdown = "# A house\n\n## The rooms\n\nFrom low to high:\n\n| room | noun | may use |\n|---|---|---|\n\
                 | `cellar` | | |\n| `hall` | | `cellar` |\n| `roof` | | `cellar`, `hall` |\n\nMore.\n";
    Table::read(markdown).unwrap()
}

/// What is forbidden in these files; rooms that they lack are empty.
fn arrows_of(files: &str) -> Vec<String> {
    let all = format!("== cellar/mod.rs\n== hall/mod.rs\n== roof.rs\n{files}");
    forbidden(&read(&all).arrows(), &table())
}

#[test]
fn an_arrow_upwards_is_found_with_its_line() {
    let found = arrows_of("== hall/door.rs\n//! A door.\n\nuse crate::roof::Tile;\n");
    assert_eq!(found, ["src/hall/door.rs:3: hall -> roof"]);
}

#[test]
fn an_arrow_downwards_is_fine() {
    let found = arrows_of("== roof.rs\nuse crate::{cellar::Wine, hall::door};\nuse log::info;\n");
    assert!(found.is_empty());
}

#[test]
fn an_arrow_within_a_nested_use_is_found() {
    let found = arrows_of(
        "== cellar/mod.rs
         use crate::{
             hall::{self, Coat},
             roof::{tiles::{Red, Blue as B}, *},
         };",
    );
    let wanted = ["2: cellar -> hall", "3: cellar -> roof"];
    assert_eq!(found, wanted.map(|w| format!("src/cellar/mod.rs:{w}")));
}

#[test]
fn an_arrow_by_a_path_in_code_is_found() {
    let found = arrows_of("== cellar/mod.rs\nfn f() -> u8 {\n crate::roof::height::<u8>()\n}");
    assert_eq!(found, ["src/cellar/mod.rs:2: cellar -> roof"]);
}

#[test]
fn an_arrow_by_a_path_in_a_macro_is_found() {
    let found = arrows_of(
        "== cellar/mod.rs
         fn f() {
             log::info!(\"{} {}\", a(), { [1, crate::roof::height::<u8>()] });
         }
         macro_rules! all { ($a:ident) => { use super::{hall::{$a}, log}; } }",
    );
    let wanted = ["4: cellar -> hall", "2: cellar -> roof"];
    assert_eq!(found, wanted.map(|w| format!("src/cellar/mod.rs:{w}")));
}

#[test]
fn an_arrow_by_super_that_leaves_the_room_is_found() {
    let found = arrows_of("== cellar/wine.rs\nuse super::Shelf;\nuse super::super::roof::Tile;");
    assert_eq!(found, ["src/cellar/wine.rs:2: cellar -> roof"]);
}

#[test]
fn a_use_of_the_whole_crate_is_found() {
    let found = arrows_of("== hall/mod.rs\nuse crate::*;\n");
    assert_eq!(found, ["src/hall/mod.rs:1: hall -> *"]);
}

#[test]
fn tests_may_use_everything() {
    let found = arrows_of(
        "== hall/mod.rs
         #[cfg(test)] mod properties;
         #[cfg(test)] use crate::roof::Tile;
         #[cfg(all(test, unix))] fn f(_: crate::roof::Tile) {}
         #[cfg(test)] #[allow(unused)] mod inline { use crate::roof::Tile; }
         == hall/properties.rs
         use crate::roof::Tile;
         == cellar/tests/wine.rs
         use crate::roof::Tile;",
    );
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn code_that_is_not_for_tests_alone_is_read() {
    let found = arrows_of(
        "== hall/mod.rs
         #[cfg(test)] mod tests { fn f() {} }
         #[cfg(not(test))] use crate::roof::Tile;
         #[cfg(any(test, unix))] use crate::roof::Tile;",
    );
    let wanted = ["2: hall -> roof", "3: hall -> roof"];
    assert_eq!(found, wanted.map(|w| format!("src/hall/mod.rs:{w}")));
}

#[test]
fn comments_and_strings_are_no_arrows() {
    let found = arrows_of(
        "== cellar/mod.rs
         //! [`crate::roof`]
         /* crate::roof::a */ const A: &str = \"crate::roof::a\";
         fn f() { log::info!(\"crate::roof::a\"); }",
    );
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn a_permission_that_nobody_needs_is_found() {
    let house = read(
        "== cellar.rs
         == hall.rs
         use crate::cellar::Wine;
         == roof.rs
         use crate::hall::Coat;",
    );
    assert_eq!(unused(&house.arrows(), &table()), ["roof -> cellar"]);
}

#[test]
fn a_circle_of_two_files_is_found() {
    let house = read(
        "== hall/mod.rs
         mod coat; mod door; pub use coat::Coat;
         == hall/coat.rs
         use super::door::Door;
         pub struct Coat(Door);
         == hall/door.rs
         pub struct Door;
         fn f(_: crate::hall::coat::Coat) {}",
    );
    let wanted = "src/hall/coat.rs:1 -> src/hall/door.rs:2 -> src/hall/coat.rs";
    assert_eq!(house.circles(), [wanted]);
}

#[test]
fn a_circle_through_a_re_export_is_found() {
    for re_export in ["{Coat, Hat as Cap}", "*"] {
        let house = read(&format!(
            "== hall/mod.rs
             mod coat; mod door; pub use self::coat::{re_export};
             == hall/coat.rs
             use super::door;
             pub struct Coat; pub struct Hat; pub struct Cap;
             fn f() {{ door::shut() }}
             == hall/door.rs
             use super::Cap;
             pub fn shut() {{}}"
        ));
        let wanted = "src/hall/coat.rs:3 -> src/hall/door.rs:1 -> src/hall/coat.rs";
        assert_eq!(house.circles(), [wanted]);
    }
}

#[test]
fn a_circle_of_three_files_is_found() {
    let house = read(
        "== hall/mod.rs
         mod a; mod b; mod c;
         == hall/a.rs
         use super::b::B; pub struct A;
         == hall/b.rs
         use super::c::C; pub struct B;
         == hall/c.rs
         use super::a::A; pub struct C;",
    );
    let wanted = "src/hall/a.rs:1 -> src/hall/b.rs:1 -> src/hall/c.rs:1 -> src/hall/a.rs";
    assert_eq!(house.circles(), [wanted]);
}

#[test]
fn a_function_and_a_module_of_one_name_are_told_apart() {
    let house = read(
        "== roof.rs
         use crate::hall;
         pub struct Tile;
         fn hall() -> hall::Coat {}
         == hall.rs
         use crate::roof::Tile; pub struct Coat;",
    );
    assert_eq!(
        house.circles(),
        ["src/hall.rs:1 -> src/roof.rs:3 -> src/hall.rs"]
    );
}

#[test]
fn the_front_of_a_folder_may_use_what_is_in_it() {
    let house = read(
        "== hall/mod.rs
         mod coat; use coat::Coat; pub struct Peg; fn f(_: Coat) {}
         == hall/coat.rs
         use super::Peg; pub struct Coat(Peg);",
    );
    assert!(house.circles().is_empty(), "{:?}", house.circles());
}

#[test]
fn a_file_that_passes_a_name_on_does_not_use_it() {
    for (coat, circles) in [("Coat", 0), ("Coat(Option<Door>)", 1)] {
        let house = read(&format!(
            "== hall/mod.rs
             mod coat; mod door;
             == hall/coat.rs
             pub use super::door::Door; pub struct {coat};
             == hall/door.rs
             use super::coat::Coat; pub struct Door(Coat);"
        ));
        assert_eq!(house.circles().len(), circles, "{coat}");
    }
}

#[test]
fn a_table_that_points_upwards_or_is_no_table_is_refused() {
    let refusal = |rows: &str| {
        let head = "\n## The rooms\n| room | noun | may use |\n|---|---|---|\n";
        Table::read(&format!("{head}{rows}\n")).unwrap_err()
    };
    assert!(refusal("| `a` | | `b` |\n| `b` | | |").contains("`a` may use `b`"));
    assert!(refusal("| `a` | | |\n| `a` | | |").contains("two rows"));
    assert!(refusal("| a | | |").contains("cannot be read"));
    assert!(refusal("| `a` | |").contains("cannot be read"));
    assert!(Table::read("# Nothing\n").is_err());
}
