//! Wrong configurations: each error names the file, the line, the key and the remedy.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::support::daemon::configuration;
use crate::support::program::{command, goldcrest, output, packed_model, root};
use crate::support::{PATIENCE, schema, wait_for};

/// Runs `check` on a configuration of this text; returns the exit code and the last line.
fn answer(text: &str) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.toml");
    fs::write(&path, text).unwrap();
    let ran = goldcrest(&["check", "--config", path.to_str().unwrap()]);
    let last = ran.stderr.lines().last().unwrap_or_default();
    (
        ran.code,
        last.split_once("c.toml")
            .map(|(_, rest)| rest.to_string())
            .unwrap_or_else(|| last.to_string()),
    )
}

#[test]
fn every_section_refuses_what_it_does_not_know() {
    for (section, key) in [
        ("source", "path"),
        ("camera", "width"),
        ("process", "argv"),
        ("http", "interval"),
        ("vision", "crop"),
        ("gate", "threshold"),
        ("model", "threads"),
        ("observe", "heartbeat"),
        ("mqtt", "keep_alive"),
        ("commands", "enabled"),
        ("teach", "max_examples"),
        ("outbox", "max_bytes"),
        ("snapshot", "quality"),
        ("review", "most"),
        ("health", "interval"),
        ("memory", "budget_mb"),
        ("log", "level"),
    ] {
        let (code, line) = answer(&format!("id = \"a\"\n\n[{section}]\n{key}x = 1\n"));
        assert_eq!(code, 78, "{line}");
        assert_eq!(
            line,
            format!(":4: {section}.{key}x: unknown key; the nearest known key is `{key}`")
        );
    }
}

#[test]
fn every_range_is_held() {
    for (section, key, value) in [
        ("source", "frame_rate", "0.0"),
        ("source", "frame_rate", "nan"),
        ("process", "width", "63"),
        ("process", "height", "2161"),
        ("process", "stride", "640"),
        ("process", "timeout", "0.4"),
        ("process", "start_timeout", "nan"),
        ("http", "url", "\"rtsp://camera/1\""),
        ("http", "interval", "0.05"),
        ("http", "width", "63"),
        ("http", "height", "2161"),
        ("http", "timeout", "0.4"),
        ("http", "start_timeout", "nan"),
        ("vision", "crop", "[0.5, 0.5, 0.6, 0.5]"),
        ("vision", "masks", "[[0, 0, 1.1, 1]]"),
        ("vision", "masks", "[[[0, 0], [1, 1], [1, 0], [0, 1]]]"),
        ("vision", "rotate", "45"),
        ("gate", "threshold", "0.0"),
        ("gate", "glances", "0.0"),
        ("gate", "max_interval", "0.0"),
        ("gate", "stuck", "0.5"),
        ("model", "threads", "0"),
        ("observe", "smoothing", "-1.0"),
        ("observe", "frames", "0"),
        ("observe", "threshold", "1.5"),
        ("observe", "release", "0.9"),
        ("observe", "margin", "inf"),
        ("observe", "spread", "0.5"),
        ("observe", "heartbeat", "0.0"),
        ("observe", "unknown", "\"\""),
        ("observe", "top", "0"),
        ("mqtt", "host", "\"\""),
        ("mqtt", "port", "0"),
        ("mqtt", "base", "\"a/#\""),
        ("mqtt", "keep_alive", "0"),
        ("outbox", "max_bytes", "0"),
        ("mqtt", "max_packet", "10"),
        ("commands", "allow", "[\"reboot\"]"),
        ("teach", "max_examples", "1"),
        ("snapshot", "longest_side", "10"),
        ("snapshot", "quality", "100"),
        ("snapshot", "max_bytes", "10"),
        ("review", "most", "0"),
        ("review", "max_bytes", "10"),
        ("review", "interval", "0.0"),
        ("review", "longest_side", "10"),
        ("review", "quality", "100"),
        ("health", "interval", "0.0"),
    ] {
        let (code, line) = answer(&format!("[{section}]\n{key} = {value}\n"));
        assert_eq!(code, 78, "{section}.{key} = {value}: {line}");
        assert!(
            line.starts_with(&format!(":2: {section}.{key}: ")),
            "{section}.{key} = {value}: {line}"
        );
    }
}

#[test]
fn a_region_that_cannot_be_looked_at_is_refused() {
    let doors = "[[region]]\nname = \"left\"\n[[region]]\nname = \"right\"\n";
    for (text, line, key, part) in [
        ("[[region]]\nnam = 1\n".into(), 2, "region.nam", "`name`"),
        (format!("{doors}evry = 1\n"), 5, "region.evry", "`every`"),
        (
            format!("{doors}every = \"a\"\n"),
            5,
            "region.every",
            "whole number",
        ),
        (
            "[region]\nname = \"left\"\n".into(),
            1,
            "region",
            "[[region]]",
        ),
        ("every = 2\n".into(), 1, "every", "under [[region]]"),
        (doors.replace("right", "left"), 1, "region.name", "twice"),
        (
            doors.replace("right", "settings"),
            1,
            "region.name",
            "topic",
        ),
        (
            format!("{doors}every = 0\n"),
            1,
            "region.every",
            "of \"right\" must be 1 to 1000",
        ),
        (
            format!("{doors}crop = [0, 0, 2, 1]\n"),
            1,
            "region.crop",
            "of \"right\"",
        ),
        (
            format!("{doors}[vision]\ncrop = [0, 0, 0.5, 1]\n"),
            6,
            "vision.crop",
            "left out",
        ),
        (
            format!("{doors}[teach]\nenabled = true\n"),
            6,
            "teach.enabled",
            "--region",
        ),
    ] {
        let (code, said) = answer(&text);
        assert_eq!(code, 78, "{text}: {said}");
        let begin = format!(":{line}: {key}: ");
        assert!(
            said.starts_with(&begin) && said.contains(part),
            "{text}: {said}"
        );
    }
    // A name may not be that of a topic.
    for name in schema::names() {
        let name = name.split('-').next().unwrap();
        let (code, said) = answer(&format!("[[region]]\nname = {name:?}\n"));
        assert!(code == 78 && said.contains("region.name"), "{name}: {said}");
    }
}

#[test]
fn wrong_types_and_broken_files_name_their_line() {
    let (code, line) = answer("[mqtt]\nenabled = \"yes\"\n");
    assert!(
        code == 78 && line.starts_with(":2: mqtt.enabled: "),
        "{line}"
    );
    let (code, line) = answer("[source]\nkind = \"telescope\"\n");
    assert!(
        code == 78 && line.starts_with(":2: source.kind: ") && line.contains("recording"),
        "{line}"
    );
    let (code, line) = answer("id = \"a\"\nid = \"b\"\n");
    assert!(code == 78 && line.starts_with(":2: "), "{line}");
    let (code, line) = answer("[vision\n");
    assert!(code == 78 && line.starts_with(":1: not TOML: "), "{line}");
    let (code, line) = answer("id = \"\"\n");
    assert!(code == 78 && line.starts_with(":1: id: "), "{line}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let ran = goldcrest(&["run", "--config", "nowhere.toml"]);
    assert_eq!(ran.code, 78, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("nowhere.toml: cannot be read"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_key_of_another_program_is_answered_by_a_sentence() {
    for (text, says) in [
        (
            "[mqtt]\ntls = true\n",
            "mqtt.tls: must be a section [mqtt.tls]",
        ),
        (
            "[mqtt]\n[mqtt.tls]\nca = \"x\"\n",
            "mqtt.tls.ca: unknown key; TLS is on with a section [mqtt.tls]",
        ),
        (
            "[mqtt]\nuri = \"mqtt://x\"\n",
            "mqtt.uri: unknown key; name the broker with mqtt.url",
        ),
        (
            "[source]\nurl = \"rtsp://x\"\n",
            "source.url: unknown key; Goldcrest reads V4L2 cameras",
        ),
        (
            "password = \"x\"\n",
            "password: unknown key here; it belongs under [mqtt]",
        ),
        (
            "[mqtt]\ntopic = \"x\"\n",
            "mqtt.topic: unknown key; topics are not named",
        ),
        (
            "[log]\ncolour = true\n",
            "log: unknown key in this line; known here are level",
        ),
    ] {
        let (code, line) = answer(text);
        assert_eq!(code, 78, "{line}");
        assert!(line.contains(says) && !line.contains("nearest"), "{line}");
    }
}

/// The line with which a daemon of this source refuses to start within 48 MiB.
fn refusal(source: &str, more: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let more = format!("[mqtt]\nenabled = false\n[memory]\nbudget_mb = 48\n{more}");
    let config = configuration(folder.path(), source, &more);
    let ran = goldcrest(&["run", "--config", config.to_str().unwrap()]);
    assert_eq!(ran.code, 78, "{}", ran.stderr);
    ran.stderr.lines().last().unwrap().to_string()
}

#[test]
fn a_budget_that_is_too_small_names_only_what_helps() {
    let large = "[camera]\nwidth = 3840\nheight = 2160\n";
    let drawn = refusal(
        "kind = \"synthetic\"\n",
        // Well within the budget as JPEG, and far beyond it as RGB.
        "[camera]\nwidth = 3200\nheight = 1800\nformat = \"rgb24\"\n",
    );
    assert!(drawn.contains("set camera.format = \"mjpg\""), "{drawn}");
    assert!(drawn.contains("set camera.width = "), "{drawn}");
    assert!(!drawn.contains("buffers"), "{drawn}");
    assert!(!drawn.contains("threads"), "{drawn}");

    let camera = refusal(
        "kind = \"camera\"\n",
        &format!("{large}format = \"mjpg\"\n"),
    );
    assert!(camera.contains("set camera.width = "), "{camera}");
    assert!(!camera.contains("format"), "no format is enough: {camera}");

    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("1.png");
    image::RgbImage::new(3840, 2160).save(&picture).unwrap();
    let files = refusal(&format!("kind = \"recording\"\npath = {picture:?}\n"), "");
    assert!(
        files.contains("use smaller pictures than 3840x2160"),
        "{files}"
    );
    assert!(!files.contains("camera."), "{files}");
    for line in [drawn, camera, files] {
        assert!(line.contains("set memory.budget_mb to "), "{line}");
    }
}

#[test]
fn check_with_json_prints_a_refused_configuration_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.toml");
    fs::write(&path, "[observe]\ntreshold = 1\n").unwrap();
    let ran = goldcrest(&["check", "--json", "--config", path.to_str().unwrap()]);
    assert_eq!(ran.code, 78, "{}", ran.stderr);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).expect("one object");
    let finding = &report["findings"][0];
    assert_eq!(finding["what"], "configuration");
    assert_eq!(finding["ok"], false);
    let says = finding["says"].as_str().unwrap();
    assert!(says.contains(":2: observe.treshold: unknown key"), "{says}");
    assert_eq!(report["files"], serde_json::json!([]));
    // The line on standard error is the same.
    assert!(ran.stderr.trim_end().ends_with(says), "{}", ran.stderr);
}

/// A folder with the shipped model and a configuration that names it, a head and a password.
fn home() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let model = packed_model(folder.path());
    fs::copy(
        root().join("tests/recordings/bottles.head"),
        folder.path().join("a.head"),
    )
    .unwrap();
    fs::write(folder.path().join("password"), "word").unwrap();
    fs::create_dir(folder.path().join("c.toml.d")).unwrap();
    fs::write(folder.path().join("c.toml.d/1.toml"), "").unwrap();
    fs::write(folder.path().join("common.toml"), "").unwrap();
    let config = folder.path().join("c.toml");
    let recording = root().join("tests/recordings/bottles");
    let text = format!(
        "include = [\"common.toml\"]\n[source]\nkind = \"recording\"\npath = {recording:?}\n\
         [model]\npath = {model:?}\nhead = \"a.head\"\n\
         [mqtt]\nport = 9\nusername = \"bird\"\npassword_file = \"password\"\n"
    );
    fs::write(&config, text).unwrap();
    (folder, config)
}

#[test]
fn a_file_that_others_can_write_ends_every_command_with_78() {
    let (folder, config) = home();
    fs::write(folder.path().join("ca"), "").unwrap();
    let config = config.to_str().unwrap();
    let bottles = root().join("tests/recordings/bottles/bottles-01.jpg");
    let bottles = bottles.to_str().unwrap();
    for (name, commands) in [
        ("c.toml", &["check", "run", "replay", "bench"][..]),
        ("common.toml", &["check", "run", "replay"]),
        ("c.toml.d/1.toml", &["check", "run", "replay"]),
        ("c.toml.d", &["check", "run", "replay"]),
        ("model.toml", &["check", "run", "replay"]),
        ("labels.txt", &["check", "run", "replay"]),
        ("model.bundle", &["check", "run", "replay"]),
        ("a.head", &["check", "run", "replay"]),
        ("password", &["check", "run"]),
        ("ca", &["check", "run"]),
    ] {
        let path = folder.path().join(name);
        let before = fs::metadata(&path).unwrap().permissions();
        fs::set_permissions(&path, Permissions::from_mode(before.mode() | 0o002)).unwrap();
        if name == "ca" {
            let text = fs::read_to_string(config).unwrap();
            fs::write(config, text + "[mqtt.tls]\nca_file = \"ca\"\n").unwrap();
        }
        for command in commands {
            let mut arguments = vec![*command, "--config", config];
            if *command == "replay" {
                arguments.push(bottles);
            }
            let ran = goldcrest(&arguments);
            let printed = ran.stdout + &ran.stderr;
            assert_eq!(ran.code, 78, "{name}, {command}: {printed}");
            let line = printed.lines().find(|line| line.contains("not trusted"));
            let line = line.unwrap_or_else(|| panic!("{name}, {command}: {printed}"));
            let remedy = format!("run `chmod go-w {}`", path.display());
            assert!(line.contains(&remedy), "{name}, {command}: {line}");
        }
        fs::set_permissions(&path, before).unwrap();
    }
}

#[test]
fn a_pipe_in_the_place_of_a_file_is_not_waited_for() {
    let (folder, config) = home();
    for name in [
        "password",
        "model.bundle",
        "a.head",
        "labels.txt",
        "common.toml",
    ] {
        let path = folder.path().join(name);
        let kept = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let made = Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        let mut check = command(&["check", "--config", config.to_str().unwrap()]);
        let mut check = check
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let ended = wait_for(PATIENCE, || check.try_wait().unwrap().is_some());
        let _ = check.kill();
        let status = check.wait().unwrap();
        assert!(ended && !status.success(), "{name}: {status}");
        fs::remove_file(&path).unwrap();
        fs::write(&path, kept).unwrap();
    }
}

#[test]
fn root_does_not_read_a_configuration_that_it_finds_by_chance() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.toml"), "id = \"by-chance\"\n").unwrap();
    let check = |more: &[&str]| {
        let arguments = [&["check", "--json"], more].concat();
        let ran = output(command(&arguments).current_dir(folder.path()));
        (ran.stdout, ran.stderr)
    };
    let is_root = fs::metadata(folder.path()).unwrap().uid() == 0;
    let (stdout, stderr) = check(&[]);
    assert_eq!(!stdout.contains("id by-chance"), is_root, "{stdout}");
    let says =
        "./config.toml is passed over, because root reads only what it names: --config config.toml";
    for printed in [&stdout, &stderr] {
        assert_eq!(printed.contains(says), is_root, "{printed}");
    }
    let (stdout, stderr) = check(&["--config", "config.toml"]);
    assert!(stdout.contains("id by-chance"), "{stdout}");
    assert!(!stderr.contains("passed over"), "{stderr}");
}
