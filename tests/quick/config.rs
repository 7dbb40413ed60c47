//! Wrong configurations: each error names the file, the line, the key and the remedy.

use std::fs;

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
        ("vision", "crop"),
        ("gate", "threshold"),
        ("model", "threads"),
        ("observe", "heartbeat"),
        ("mqtt", "keep_alive"),
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
        ("vision", "crop", "[0.5, 0.5, 0.6, 0.5]"),
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
        ("mqtt", "queue", "0"),
        ("mqtt", "max_packet", "10"),
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
            "mqtt.tls: unknown key; Goldcrest has no TLS yet",
        ),
        (
            "[mqtt]\n[mqtt.tls]\nca = \"x\"\n",
            "mqtt.tls: unknown key; Goldcrest has no TLS yet",
        ),
        (
            "[mqtt]\nurl = \"mqtt://x\"\n",
            "mqtt.url: unknown key; Goldcrest takes no URL yet",
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
