//! Wrong configurations: each error names the file, the line, the key and the remedy.

use std::fs;

use crate::support::daemon::configuration;
use crate::support::program::goldcrest;

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
            "log.colour: unknown key; known here are level",
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
        &format!("{large}format = \"rgb24\"\n"),
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
