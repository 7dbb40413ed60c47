use std::path::Path;

use toml::de::DeTable;

use super::error::{line_of, position};
use super::*;

fn refused(text: &str) -> String {
    parse(text, Path::new("c.toml"))
        .expect_err("it should be refused")
        .to_string()
}

#[test]
fn the_shipped_file_is_valid_and_says_the_defaults() {
    let text = include_str!("../../config.toml");
    let shipped = parse(text, Path::new("config.toml")).unwrap();
    assert_eq!(format!("{:?}", Config::default()), format!("{shipped:?}"));
}

#[test]
fn the_shipped_file_holds_every_key() {
    let text = include_str!("../../config.toml");
    let has = |line: &str| {
        let mut lines = text.lines().map(|l| l.trim_start_matches(['#', ' ']));
        lines.any(|l| l.starts_with(line))
    };
    let sections = known_keys("");
    assert!(sections.len() > 9, "{sections:?}");
    for section in sections
        .iter()
        .filter(|section| !["id", "include"].contains(&section.as_str()))
    {
        let header = [format!("[{section}]"), format!("[[{section}]]")];
        assert!(header.iter().any(|header| has(header)), "[{section}]");
        let keys = known_keys(section);
        assert!(!keys.is_empty(), "[{section}]");
        for key in keys {
            let table = format!("[{section}.{key}]");
            assert!(has(&format!("{key} =")) || has(&table), "{section}.{key}");
        }
    }
}

#[test]
fn an_unknown_key_names_file_line_and_the_nearest() {
    assert_eq!(
        refused("id = \"a\"\n[observe]\ntreshold = 0.5\n"),
        "c.toml:3: observe.treshold: unknown key; the nearest known key is `threshold`"
    );
    assert!(
        refused("[obseve]\n")
            .starts_with("c.toml:1: obseve: unknown key; the nearest known key is `observe`")
    );
}

#[test]
fn a_wrong_type_names_file_line_and_key() {
    let message = refused("[mqtt]\nport = \"high\"\n");
    assert!(
        message.starts_with("c.toml:2: mqtt.port: must be a whole number"),
        "{message}"
    );
}

#[test]
fn a_value_out_of_range_names_the_range() {
    let message = refused("\n\n[observe]\nthreshold = 7.0\n");
    assert!(
        message.starts_with("c.toml:4: observe.threshold: "),
        "{message}"
    );
    assert!(message.contains('1'), "{message}");
    assert!(refused("id = \"a/b\"").starts_with("c.toml:1: id: "));
}

#[test]
fn a_picture_that_fits_no_packet_is_refused() {
    let text = "[mqtt]\nmax_packet = 50000\n[snapshot]\nenabled = true\nmax_bytes = 50000\n";
    assert_eq!(
        refused(text),
        "c.toml:5: snapshot.max_bytes: must be at most 49488 bytes, 512 less than \
         mqtt.max_packet, and is 50000"
    );
    let off = text.replace("enabled = true\n", "");
    assert!(parse(&off, Path::new("c.toml")).is_ok());
}

#[test]
fn a_mask_that_is_none_names_its_line_and_both_forms() {
    for masks in ["[[0, 0, 1]]", "[[[0, 0], [1, 1]]]"] {
        let message = refused(&format!("[vision]\nrotate = 90\nmasks = {masks}\n"));
        assert!(message.starts_with("c.toml:3: vision.masks: "), "{message}");
        assert!(
            message.contains("at least three points [x, y]"),
            "{message}"
        );
    }
}

#[test]
fn a_key_in_a_nested_table_has_its_own_line() {
    let text = "[mqtt]\nport = 1\n[mqtt.tls]\nca = 2\nname.first = 3\n";
    let table = DeTable::parse(text).unwrap();
    let line = |key| position(table.get_ref(), key).map(|at| line_of(text, at));
    assert_eq!(line("mqtt.port"), Some(2));
    assert_eq!(line("mqtt.tls.ca"), Some(4));
    assert_eq!(line("mqtt.tls.name.first"), Some(5));
    // A key that is left out is shown at the table that lacks it.
    assert_eq!(line("mqtt.tls.key"), Some(3));
    assert_eq!(line("gate.hold"), None);
}

#[test]
fn broken_toml_names_its_line() {
    let message = refused("id = \"a\"\n[observe\n");
    assert!(message.starts_with("c.toml:2: not TOML: "), "{message}");
}

#[test]
fn a_choice_lists_what_may_be_chosen() {
    let message = refused("[vision]\nresize = \"stretch\"\n");
    assert!(
        message.contains("squash") && message.contains("letterbox"),
        "{message}"
    );
}
