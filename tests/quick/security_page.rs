//! docs/security.md names the tests that hold what it promises.

use std::fs;
use std::path::Path;

use crate::support::program::root;

/// The words of `page` in backticks.
fn words(page: &str) -> impl Iterator<Item = &str> {
    page.split('`').skip(1).step_by(2)
}

/// The text of all Rust files below `folder`.
fn code(folder: &Path) -> String {
    let mut all = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all += &code(&path);
        } else if path.extension().is_some_and(|e| e == "rs") {
            all += &fs::read_to_string(&path).unwrap();
        }
    }
    all
}

#[test]
fn the_tests_and_files_that_the_security_page_names_are_there() {
    let page = fs::read_to_string(root().join("docs/security.md")).unwrap();
    let code: String = ["src", "kernels", "tests"]
        .map(|folder| code(&root().join(folder)))
        .concat();
    let (mut tests, mut files) = (0, 0);
    for word in words(&page) {
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if word.matches('_').count() > 2 && word.chars().all(is_name) {
            assert!(code.contains(&format!("fn {word}(")), "no test {word}");
            tests += 1;
        } else if ["tests/", "src/", "kernels/"]
            .iter()
            .any(|p| word.starts_with(p))
        {
            assert!(root().join(word).exists(), "no {word}");
            files += 1;
        }
    }
    assert!(tests > 40 && files > 5, "{tests} tests and {files} files");
}
