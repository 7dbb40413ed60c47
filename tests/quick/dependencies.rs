//! docs/development/dependencies.md against Cargo.toml, and the pins of what builds and checks.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use toml::{Table, Value};

use crate::support::program::root;

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn manifest() -> Table {
    read("Cargo.toml").parse().unwrap()
}

/// Crates with their features as the page writes them: `none` where default features are off.
fn configured(section: &str) -> BTreeMap<String, Vec<String>> {
    let manifest = manifest();
    let crates = manifest[section].as_table().unwrap().iter();
    let features = |value: &Value| {
        let mut all = Vec::new();
        if value.get("default-features").and_then(Value::as_bool) == Some(false) {
            all.push("none".to_string());
        }
        let named = value.get("features").and_then(Value::as_array);
        all.extend(
            named
                .into_iter()
                .flatten()
                .map(|f| f.as_str().unwrap().to_string()),
        );
        all
    };
    crates
        .map(|(name, value)| (name.clone(), features(value)))
        .collect()
}

/// The same from the table below `heading`, whose other cells must not be empty.
fn documented(heading: &str) -> BTreeMap<String, Vec<String>> {
    let page = read("docs/development/dependencies.md");
    let (_, section) = page.split_once(&format!("## {heading}\n")).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let mut found = BTreeMap::new();
    for row in section.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [name, features, reason, instead, unsafe_code] = cells[..] else {
            panic!("five cells: {row}");
        };
        assert!(!reason.is_empty() && !instead.is_empty(), "{row}");
        assert!(["yes", "no"].contains(&unsafe_code), "{row}");
        let features = features.split(", ").filter(|f| !f.is_empty());
        let features = features.map(|f| f.trim_matches('`').to_string()).collect();
        found.insert(name.trim_matches('`').to_string(), features);
    }
    found
}

#[test]
fn every_dependency_has_its_reason_and_its_features() {
    for (heading, section) in [
        ("In the program", "dependencies"),
        ("In tests and benchmarks alone", "dev-dependencies"),
    ] {
        assert_eq!(
            documented(heading),
            configured(section),
            "page (left) and Cargo.toml"
        );
    }
}

#[test]
fn what_is_linked_holds_no_macro_and_no_test_crate() {
    let output = Command::new(root().join("scripts/linked"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let names: Vec<_> = text
        .lines()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    for linked in [
        "goldcrest",
        "tract-onnx",
        "ring",
        "tokio",
        "rumqttc-v4-next",
    ] {
        assert!(names.contains(&linked), "{linked}: {text}");
    }
    for not_linked in [
        "syn",
        "serde_derive",
        "bindgen",
        "proptest",
        "cc",
        "clap_derive",
    ] {
        assert!(!names.contains(&not_linked), "{not_linked}: {text}");
    }
}

#[test]
fn the_tools_that_build_and_check_have_their_versions() {
    let toolchain: Table = read("rust-toolchain.toml").parse().unwrap();
    let channel = toolchain["toolchain"]["channel"]
        .as_str()
        .unwrap()
        .to_string();
    let oldest = manifest()["package"]["rust-version"]
        .as_str()
        .unwrap()
        .to_string();
    assert_eq!(channel, oldest + ".0");
    let need = read("scripts/need");
    // The images of cross have its own version.
    for tool in ["deny=", "cross="] {
        let pinned = need.lines().find_map(|line| line.strip_prefix(tool));
        let pinned = pinned.unwrap_or_else(|| panic!("no {tool}"));
        let parts: Vec<&str> = pinned.split('.').collect();
        assert!(
            parts.len() == 3 && parts.iter().all(|part| part.parse::<u32>().is_ok()),
            "{tool}{pinned}"
        );
    }
    let deny: Table = read("deny.toml").parse().unwrap();
    assert_eq!(deny["advisories"]["yanked"].as_str(), Some("deny"));
}

#[test]
fn every_python_package_has_its_hashes() {
    for given in [
        "model/tools/requirements",
        "model/tools/requirements-test",
        "benches/peers/requirements",
    ] {
        let made = read(&format!("{given}.txt"));
        let joined = made.replace("\\\n", " ");
        let rows: Vec<_> = joined.lines().filter(|l| !l.starts_with('#')).collect();
        assert!(
            rows.iter()
                .all(|row| row.contains("==") && row.contains("--hash=sha256:"))
        );
        let asked = read(&format!("{given}.in"));
        for line in asked
            .lines()
            .filter(|l| !l.starts_with('#') && l.contains("=="))
        {
            let pin = line.split_whitespace().next().unwrap();
            let start = format!("{pin} ");
            assert!(
                rows.iter().any(|row| row.starts_with(&start)),
                "{given}: {pin}"
            );
        }
    }
}
