//! Taught heads in the program: named by the configuration or by `--head`, swapped under a running
//! daemon, and refused.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::daemon::{bottles, configuration, table};
use crate::support::head::{self, RULE};
use crate::support::program::{IN_THE_RECORDING, Ran, command, field, goldcrest, output};
use crate::support::{Broker, Daemon, PATIENCE, Received, Subscriber};

const QUIET: &str = "[mqtt]\nenabled = false\n";
const PICTURE: &str = "tests/recordings/bottles/bottles-23.jpg";

/// A daemon on the bottles with the head of these labels, and the hash of the head's file.
fn taught(labels: [&str; 2], more: &str) -> (Daemon, String) {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path(), &bottles("loop"), more);
    let hash = head::write(folder.path(), "porch.head", labels);
    name_head(folder.path(), "porch.head");
    (Daemon::of_file(folder, &config), hash)
}

/// Sets `[model] head` in the configuration of `folder`, or removes it for "".
fn name_head(folder: &Path, name: &str) {
    let path = folder.join("config.toml");
    let text = fs::read_to_string(&path).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with("head = "));
    let text = lines.collect::<Vec<_>>().join("\n") + "\n";
    let text = match name {
        "" => text,
        name => text.replace("[observe]\n", &format!("head = {name:?}\n[observe]\n")),
    };
    fs::write(&path, text).unwrap();
}

/// A folder with a configuration that names the head of these labels.
fn configured(labels: [&str; 2], more: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    configuration(folder.path(), &bottles("stop"), more);
    head::write(folder.path(), "porch.head", labels);
    name_head(folder.path(), "porch.head");
    folder
}

/// Runs a command on the configuration of `folder`.
fn on(folder: &Path, arguments: &[&str]) -> Ran {
    let config = folder.join("config.toml");
    let all = [arguments, &["--config", config.to_str().unwrap()]].concat();
    output(command(&all).env("XDG_CACHE_HOME", folder.join("cache")))
}

fn check(folder: &Path) -> (i32, Value) {
    let ran = on(folder, &["check", "--json"]);
    let json = serde_json::from_str(&ran.stdout);
    (
        ran.code,
        json.unwrap_or_else(|e| panic!("{e}: {} {}", ran.stdout, ran.stderr)),
    )
}

#[test]
fn labels_settings_and_hashes_come_from_the_head() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/#");
    let (daemon, hash) = taught(["Flasche 🍾", "Wand"], &broker.config_toml());
    let settings = subscriber.expect("settings").json();
    assert_eq!(
        (&settings["head"], &settings["labels"]),
        (&json!(hash), &json!(2))
    );
    assert_eq!(settings["threshold"], json!(RULE.threshold));
    let label = subscriber.expect_that("label", |m| m.json()["label"] == "Flasche 🍾");
    let label = label.json();
    assert_eq!(label["head"], json!(hash));
    assert_eq!(label["top"][1]["label"], "Wand");
    assert_eq!(label["model"].as_str().map(str::len), Some(64));
    daemon.end();
}

#[test]
fn home_assistant_offers_the_labels_of_the_head_without_none() {
    let broker = Broker::start();
    let state = tempfile::tempdir().unwrap();
    let subscriber = Subscriber::new(&broker, "homeassistant/#");
    let more = format!(
        "{}[homeassistant]\nenabled = true\nfolder = {:?}\n",
        broker.config_toml(),
        state.path()
    );
    let (daemon, _) = taught(["bottle", "none"], &more);
    let options = |m: &Received| m.json()["components"]["label"]["options"].clone();
    let first = subscriber.expect("config");
    assert_eq!(options(&first), json!(["bottle", "unknown"]));

    // Another list: no label, then the list, then a label of it.
    let all = Subscriber::new(&broker, "#");
    head::write(daemon.folder.path(), "porch.head", ["flask", "wall"]);
    daemon.signal("HUP");
    let mut seen = Vec::new();
    loop {
        let message = all.next(PATIENCE).expect("another message");
        let word = match message.topic.rsplit('/').next() {
            Some("config") if !message.retained => options(&message).to_string(),
            Some("label") if !message.retained => message.json()["label"].to_string(),
            _ => continue,
        };
        let done = word == "\"flask\"";
        if seen.last() != Some(&word) {
            seen.push(word);
        }
        if done {
            break;
        }
    }
    let list = seen
        .iter()
        .position(|word| word == r#"["flask","wall","unknown"]"#);
    let list = list.unwrap_or_else(|| panic!("{seen:?}"));
    assert_eq!(seen[list - 1], "null", "{seen:?}");
    let after = &seen[list + 1..];
    let known = |word: &String| ["null", "\"flask\"", "\"unknown\""].contains(&word.as_str());
    assert!(after.iter().all(known), "{seen:?}");
    daemon.end();
}

#[test]
fn what_fits_none_best_is_unknown_and_named_nowhere() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/#");
    let (daemon, _) = taught(["none", "wall"], &broker.config_toml());
    let label = subscriber
        .expect_that("label", |m| m.json()["label"] == "unknown")
        .json();
    assert_eq!(label["top"].as_array().unwrap().len(), 1, "{label}");
    assert_eq!(label["top"][0]["label"], "wall");
    let settings = Subscriber::new(&broker, "goldcrest/test/settings").expect("settings");
    assert_eq!(settings.json()["labels"], 1);
    daemon.end();
}

#[test]
fn another_head_takes_over_between_two_frames() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/#");
    let reports = Subscriber::new(&broker, "goldcrest/test/health");
    let commands = "[commands]\nenabled = true\n[health]\ninterval = 3600.0\n";
    let more = format!("{}{commands}", broker.config_toml());
    let (mut daemon, first) = taught(["bottle", "wall"], &more);
    let folder = daemon.folder.path().to_path_buf();
    subscriber.expect_that("label", |m| m.json()["label"] == "bottle");
    // The engine goes on, so its file is not read again.
    fs::remove_file(folder.join("model.bundle")).unwrap();

    // The same labels: the label stays, and names the other head.
    let same = head::bottle_or_wall(["bottle", "wall"]);
    let same = goldcrest::engine::Taught {
        temperature: 1.25,
        ..same
    };
    let second = goldcrest::engine::write_head(&folder.join("porch.head"), &same).unwrap();
    assert_ne!(first, *second);
    daemon.signal("HUP");
    let line = daemon.expect("reload: now running");
    assert!(
        line.contains("porch.head") && line.ends_with("with another head"),
        "{line}"
    );
    let next = subscriber.expect_that("label", |m| m.json()["head"] == json!(second));
    assert_eq!(next.json()["label"], "bottle");

    // Other labels: no label until frames agree.
    let third = head::write(&folder, "garden.head", ["flask", "wall"]);
    name_head(&folder, "garden.head");
    daemon.signal("HUP");
    daemon.expect("took over model.head");
    let none = subscriber
        .expect_that("label", |m| m.json()["label"].is_null())
        .json();
    assert_eq!(
        (&none["reason"], &none["head"]),
        (&json!("head changed"), &json!(third))
    );
    let event = subscriber.expect("event").json();
    assert_eq!(
        (&event["label"], &event["head"]),
        (&json!("flask"), &json!(third))
    );

    // No head: the model's own classifier.
    name_head(&folder, "");
    daemon.signal("HUP");
    let event = subscriber.expect_that("event", |m| m.json()["label"] == IN_THE_RECORDING);
    assert_eq!(event.json()["head"], Value::Null);

    // Each frame since the start was classified, or looked at and found still.
    broker.send("goldcrest/test/command/health", "");
    let health = reports.expect("health").json();
    assert!(health["frames"].as_u64() > Some(8), "{health}");
    assert_eq!(health["drops"]["slot"], Value::Null, "{health}");
    daemon.end();
}

#[test]
fn a_head_that_is_broken_changes_nothing_under_a_daemon() {
    let broker = Broker::start();
    let (mut daemon, hash) = taught(["bottle", "wall"], &broker.config_toml());
    daemon.expect("connected as");
    let folder = &daemon.folder.path().to_path_buf();
    let path = folder.join("porch.head");
    let good = fs::read(&path).unwrap();
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 1;
    let cases: [(&dyn Fn(), &str); 4] = [
        (&|| fs::write(&path, &flipped).unwrap(), "porch.head: "),
        (
            &|| fs::write(&path, &good[..good.len() / 3]).unwrap(),
            "porch.head: ",
        ),
        (
            &|| head::write_foreign(folder, "porch.head"),
            "was taught on the model abababababab",
        ),
        (
            &|| fs::remove_file(&path).unwrap(),
            "porch.head: no such head",
        ),
    ];
    for (change, says) in cases {
        change();
        daemon.signal("HUP");
        let line = daemon.expect("reload: ");
        assert!(line.contains(says), "{says:?} is not in {line}");
        assert!(
            line.contains("porch.head") && line.ends_with("nothing changes"),
            "{line}"
        );
    }
    let subscriber = Subscriber::new(&broker, "goldcrest/test/#");
    let settings = subscriber.expect("settings").json();
    assert_eq!(settings["head"], json!(hash));
    assert!(settings["reload_error"].is_string(), "{settings}");
    let label = subscriber.expect_that("label", |m| !m.retained).json();
    assert_eq!(
        (&label["label"], &label["head"]),
        (&json!("bottle"), &json!(hash))
    );
    daemon.end();
}

#[test]
fn a_head_that_cannot_be_used_ends_each_command_in_one_line() {
    let folder = configured(["bottle", "wall"], QUIET);
    let path = folder.path().join("porch.head");
    let good = fs::read(&path).unwrap();
    let mut flipped = good.clone();
    flipped[good.len() - 3] ^= 0x10;
    let cases: [(&dyn Fn(), i32); 4] = [
        (&|| fs::write(&path, &flipped).unwrap(), 65),
        (&|| fs::write(&path, "not a head").unwrap(), 65),
        (&|| head::write_foreign(folder.path(), "porch.head"), 65),
        (&|| fs::remove_file(&path).unwrap(), 66),
    ];
    for (change, code) in cases {
        change();
        for arguments in [&["run"][..], &["check"], &["replay", PICTURE], &["bench"]] {
            let ran = on(folder.path(), arguments);
            let text = ran.stdout + &ran.stderr;
            assert_eq!(ran.code, code, "{arguments:?}: {text}");
            let lines: Vec<_> = text.lines().filter(|l| l.contains("porch.head")).collect();
            assert_eq!(lines.len(), 1, "{arguments:?}: {text}");
        }
    }
}

#[test]
fn a_label_of_a_head_that_means_unknown_is_refused() {
    let folder = configured(["bottle", "unknown"], QUIET);
    for arguments in [&["run"][..], &["check"], &["replay", PICTURE]] {
        let ran = on(folder.path(), arguments);
        let text = ran.stdout + &ran.stderr;
        assert_eq!(ran.code, 78, "{arguments:?}: {text}");
        let line = text.lines().find(|line| line.contains("observe.unknown"));
        assert!(
            line.is_some_and(|line| line.contains("porch.head")),
            "{text}"
        );
    }
    let config = folder.path().join("config.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(
        &config,
        text.replace("[observe]\n", "[observe]\nunknown = \"?\"\n"),
    )
    .unwrap();
    let ran = on(folder.path(), &["replay", PICTURE]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}

#[test]
fn a_replay_takes_the_head_of_the_command_line() {
    let folder = configured(["bottle", "wall"], QUIET);
    let other = head::write(folder.path(), "other.head", ["flask", "wall"]);
    let other_path = folder.path().join("other.head");
    let line = |arguments: &[&str]| -> Value {
        let ran = on(
            folder.path(),
            &[&["replay", "--json", PICTURE], arguments].concat(),
        );
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        serde_json::from_str(ran.stdout.lines().next().unwrap()).unwrap()
    };
    let configured = line(&[]);
    assert_eq!(configured["label"], "bottle");
    assert_eq!(configured["state"]["label"], "bottle");
    let named = line(&["--head", other_path.to_str().unwrap()]);
    assert_eq!(named["label"], "flask");
    assert_eq!(named["state"]["head"], json!(other));
    let labels = |line: &Value| line["top"].as_array().map(Vec::len);
    assert_eq!(labels(&named), Some(2));
    // The picture that was taught is as familiar as can be.
    assert!(named["score"].as_f64() > Some(0.99), "{named}");
    let missing = on(
        folder.path(),
        &["replay", PICTURE, "--head", "nowhere.head"],
    );
    assert_eq!(missing.code, 66, "{}", missing.stderr);
    let last = missing.stderr.lines().last().unwrap();
    assert!(last.contains("nowhere.head: no such head"), "{last}");
}

#[test]
fn a_head_of_the_command_line_brings_what_the_rule_lacks() {
    let folder = tempfile::tempdir().unwrap();
    configuration(folder.path(), &bottles("stop"), "threshold = 0.3\n");
    head::write(folder.path(), "a.head", ["bottle", "wall"]);
    let named = folder.path().join("a.head");
    let ran = on(
        folder.path(),
        &["replay", PICTURE, "--head", named.to_str().unwrap()],
    );
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    // The model's own classifier would keep a label above the threshold that lets it go.
    let ran = on(folder.path(), &["replay", PICTURE]);
    assert_eq!(ran.code, 78, "{}", ran.stderr);
    assert!(ran.stderr.contains("observe.release"), "{}", ran.stderr);
}

#[test]
fn check_describes_the_head_and_tells_where_the_rule_comes_from() {
    let folder = configured(["bottle", "wall"], &format!("margin = 0.3\n{QUIET}"));
    let (code, report) = check(folder.path());
    assert_eq!(code, 0, "{report:#}");
    let head = &report["head"];
    assert_eq!(
        (&head["accuracy"], &head["interval"]),
        (&json!(0.75), &json!([0.5, 0.9]))
    );
    assert_eq!(
        (&head["examples"], &head["made"]),
        (&json!(8), &json!("2025-01-01T12:00:00.000Z"))
    );
    let class = json!({"label": "bottle", "examples": 4, "bursts": 2, "accuracy": 0.75, "confused_with": null});
    assert_eq!(
        (&head["classes"][0], &head["warnings"][0]),
        (&class, &json!("add pictures of another day"))
    );
    assert_eq!(
        report["observe"]["threshold"],
        json!({"value": 0.5, "from": "head"})
    );
    assert_eq!(
        report["observe"]["margin"],
        json!({"value": 0.3, "from": "configuration"})
    );
    assert_eq!(
        report["observe"]["spread"],
        json!({"value": 0.0, "from": "head"})
    );
    let parts = report["memory"]["parts"].as_array().unwrap();
    let part = parts
        .iter()
        .find(|part| part["what"] == "taught head")
        .expect("a part");
    // Two rows of 768 weights, as many numbers of the kinds, the centre, and room for one picture.
    assert!(
        (18_000..19_000).contains(&part["bytes"].as_u64().unwrap()),
        "{part}"
    );

    let text = on(folder.path(), &["check"]).stdout;
    for words in [
        "  bottle       4 examples of 2 moments, 75 % right when left out",
        "  add pictures of another day",
        "2 labels, taught on 2025-01-01 from 8 examples",
        "75.0 % right when left out (50 to 90 % of other pictures)",
        "threshold 0.5 (head), release 0.25 (head), margin 0.3 (configuration), spread off (head)",
    ] {
        assert!(text.contains(words), "{words:?} is not in\n{text}");
    }
    name_head(folder.path(), "");
    let (_, report) = check(folder.path());
    assert_eq!(report["head"], Value::Null);
    assert_eq!(
        report["observe"]["threshold"],
        json!({"value": 0.6, "from": "default"})
    );
}

#[test]
fn a_threshold_of_a_command_lies_over_that_of_the_head() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/#");
    let more = format!("{}[commands]\nenabled = true\n", broker.config_toml());
    let (mut daemon, _) = taught(["bottle", "wall"], &more);
    subscriber.expect_that("availability", |m| m.text == "online");
    // Below the release of the stock rule.
    broker.send("goldcrest/test/command/threshold", "0.35");
    let answer = subscriber.expect("response/threshold").json();
    assert_eq!(answer["threshold"], json!(0.35), "{answer}");
    subscriber.expect_that("settings", |m| m.json()["threshold"] == json!(0.35));
    // It stays over a reload that brings another head.
    head::write(daemon.folder.path(), "porch.head", ["flask", "wall"]);
    daemon.signal("HUP");
    daemon.expect("reload: now running");
    let settings = subscriber.expect("settings").json();
    assert_eq!(settings["threshold"], json!(0.35));
    daemon.end();
}

#[test]
fn bench_runs_with_a_head_and_allocates_nothing_in_it() {
    let folder = configured(["bottle", "wall"], QUIET);
    let ran = on(folder.path(), &["bench", "--frames", "30", "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        report["head_hash"].as_str().map(str::len),
        Some(64),
        "{report}"
    );
    assert_eq!(report["allocations_per_inference"], 0.0, "{report}");
    assert_eq!(report["live_heap_growth_bytes"], 0, "{report}");
    assert_eq!(report["allocations_by_stage"]["observe"], 0.0, "{report}");
    let ran = goldcrest(&["bench", "--frames", "1", "--json"]);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["head_hash"], Value::Null);
}

#[test]
fn fifty_swaps_leave_the_memory_as_it_was_and_within_the_need() {
    let (mut daemon, _) = taught(["bottle 1", "wall"], QUIET);
    daemon.expect("in all, at most");
    let needed = table(&daemon.log).pop().unwrap().1;
    let folder = format!("/proc/{}/fd", daemon.id());
    let files = || fs::read_dir(&folder).unwrap().count();
    let before = files();
    let mut anonymous = Vec::new();
    for turn in 0..50 {
        let name = format!("bottle {}", turn % 2);
        head::write(daemon.folder.path(), "porch.head", [&name, "wall"]);
        daemon.signal("HUP");
        daemon.expect("with another head");
        anonymous.push(field(daemon.id(), "RssAnon:").unwrap());
    }
    let peak = field(daemon.id(), "VmHWM:").unwrap() as f64 / 1024.0;
    println!("anonymous after each swap, in KiB: {anonymous:?}; peak {peak:.2} MiB of {needed}");
    // The least of ten, because a sample may catch other threads in the middle of something.
    let least = |some: &[u64]| some.iter().copied().min().unwrap();
    assert!(
        least(&anonymous[40..]) <= least(&anonymous[5..15]) + 128,
        "it grows with each swap: {anonymous:?}"
    );
    assert!(peak <= needed, "{peak} MiB at the peak of {needed} needed");
    let after = files();
    assert!(
        after <= before + 1,
        "{before} open files, and {after} later"
    );
    daemon.end();
}

#[test]
fn the_shipped_head_counts_the_bottles_of_the_shipped_film() {
    let ran = goldcrest(&[
        "replay",
        "tests/recordings/bottles",
        "--head",
        "tests/recordings/bottles.head",
        "--json",
    ]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let lines = ran.stdout.lines();
    let labels: Vec<String> = lines
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["label"]
                .as_str()
                .unwrap()
                .into()
        })
        .collect();
    // The times at which nobody touches a bottle. The last three are of the part that taught
    // nothing.
    for (frames, label) in [
        (0..9, "three bottles"),
        (12..17, "two bottles"),
        (27..33, "one bottle"),
        (37..41, "two bottles"),
        (44..46, "three bottles"),
        (56..60, "three bottles"),
    ] {
        for frame in frames {
            assert_eq!(labels[frame], label, "frame {frame}: {labels:?}");
        }
    }
}
