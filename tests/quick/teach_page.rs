//! docs/teach.md: its commands work in the order in which they stand there.

use std::fs;

use crate::support::program::root;
use crate::teach::Bench;

/// The lines of the page's code blocks that call the program.
fn commands(page: &str) -> Vec<Vec<String>> {
    let blocks = page.split("\n```").skip(1).step_by(2);
    blocks
        .flat_map(str::lines)
        .filter_map(|line| line.strip_prefix("goldcrest "))
        .map(|line| line.split(' ').map(str::to_string).collect())
        .collect()
}

#[test]
fn the_commands_of_the_page_about_teaching_work() {
    let page = fs::read_to_string(root().join("docs/teach.md")).unwrap();
    let commands = commands(&page);
    let names: Vec<&str> = commands.iter().map(|command| command[0].as_str()).collect();
    assert_eq!(names, ["record", "pick", "teach", "replay"]);
    let bench = Bench::new();
    let config = fs::read_to_string(bench.at("config.toml")).unwrap();
    let bottles = root().join("tests/recordings/bottles");
    fs::write(
        bench.at("config.toml"),
        format!("{config}[source]\nkind = \"recording\"\npath = {bottles:?}\n"),
    )
    .unwrap();
    for command in &commands {
        if command[0] == "teach" {
            sort(&bench);
        }
        let arguments: Vec<&str> = command.iter().map(String::as_str).collect();
        let ran = bench.run(&arguments);
        assert_eq!(ran.code, 0, "{command:?}: {}", ran.stderr);
        if command[0] == "teach" {
            let line = ran.stdout.lines().next().unwrap();
            assert!(line.starts_with("early: 15 examples of "), "{line}");
        }
    }
    assert!(bench.at("garage.head").is_file());
}

/// Sorts the picked pictures by time, as a person sorts them by sight.
fn sort(bench: &Bench) {
    let picked = bench.at("picked");
    let mut names: Vec<_> = fs::read_dir(&picked)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| name != "index.html")
        .collect();
    names.sort();
    assert_eq!(names.len(), 30);
    for (at, name) in names.iter().enumerate() {
        let folder = picked.join(if at < 15 { "early" } else { "late" });
        fs::create_dir_all(&folder).unwrap();
        fs::rename(picked.join(name), folder.join(name)).unwrap();
    }
}

#[test]
fn the_page_names_the_fields_and_the_bounds_of_teaching() {
    let page = fs::read_to_string(root().join("docs/teach.md")).unwrap();
    for field in [
        "accuracy",
        "interval",
        "classes",
        "examples",
        "bursts",
        "confused_with",
        "warnings",
        "seconds",
        "head",
        "head_sha256",
        "backbone_sha256",
    ] {
        assert!(page.contains(&format!("`{field}`")), "{field}");
    }
    let most = goldcrest::teach::MOST_EXAMPLES.to_string();
    let (thousands, rest) = most.split_at(most.len() - 3);
    assert!(
        page.contains(&format!("{thousands},{rest} examples")),
        "{most}"
    );
}
