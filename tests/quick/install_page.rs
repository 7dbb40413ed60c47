//! docs/install.md: its flags are those of `setup`, and its files are those that setup writes.

use std::fs;

use crate::support::program::{goldcrest, root};

fn page() -> String {
    fs::read_to_string(root().join("docs/install.md")).unwrap()
}

/// The rows of the table below `heading`, without its head.
fn rows<'a>(page: &'a str, heading: &str) -> Vec<&'a str> {
    let (_, section) = page.split_once(heading).expect("the heading");
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.collect()
}

#[test]
fn the_page_names_each_flag_of_setup_and_no_other() {
    let (page, help) = (page(), goldcrest(&["setup", "--help"]).stdout);
    let rows = rows(&page, "## Without questions").concat();
    let words = |text: &str| {
        let mut flags: Vec<String> = text
            .split(|c: char| !(c.is_ascii_lowercase() || c == '-'))
            .filter(|word| word.starts_with("--") && word.len() > 2)
            .map(String::from)
            .collect();
        flags.sort();
        flags.dedup();
        flags
    };
    let mut known = words(&help);
    known.retain(|flag| flag != "--help");
    assert_eq!(words(&rows), known);
}

#[test]
fn the_page_shows_what_setup_writes() {
    let page = page();
    let install = fs::read_to_string(root().join("src/cli/first_run/install.rs")).unwrap();
    for file in ["password.conf", "program.conf", "rpicam.conf"] {
        assert!(
            page.contains(file) && install.contains(&format!("\"{file}\"")),
            "{file}"
        );
    }
    let (_, lines) = install.split_once("ours(\"MemoryHigh").unwrap();
    let (lines, _) = lines.split_once("\")").unwrap();
    let lines = format!("MemoryHigh{}", lines.replace("\\n", "\n   "));
    assert!(
        page.contains(&format!("   [Service]\n   {lines}")),
        "{lines}"
    );
    let credential = "   LoadCredential=mqtt-password:/etc/goldcrest/mqtt-password\n";
    assert!(page.contains(credential));
}
