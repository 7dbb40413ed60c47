//! `goldcrest record` as a user runs it, and the replay of its recordings.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::program::{command, goldcrest, installed, root, signal};

/// A configuration with a synthetic camera.
fn configuration(folder: &Path, format: &str) -> String {
    let path = folder.join("c.toml");
    let model = root().join("model/convnext_tiny_128_int8.onnx");
    let text = format!(
        "[source]\nkind = \"synthetic\"\n[camera]\nwidth = 320\nheight = 240\nfps = 20.0\nformat = \"{format}\"\n\
         [model]\npath = {model:?}\n"
    );
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().into()
}

fn record(config: &str, out: &Path, more: &[&str]) -> (i32, String, String) {
    let out = out.to_str().unwrap();
    let ran = goldcrest(&[&["record", out, "--config", config], more].concat());
    (ran.code, ran.stdout, ran.stderr)
}

#[test]
fn a_recording_replays_with_its_own_times() {
    let folder = tempfile::tempdir().unwrap();
    for (format, ending) in [("yuyv", "png"), ("mjpg", "jpg")] {
        let config = configuration(folder.path(), format);
        let out = folder.path().join(format);
        let (code, stdout, stderr) = record(&config, &out, &["--frames", "6"]);
        assert_eq!(code, 0, "{stderr}");
        assert!(stdout.starts_with("6 frames, "), "{stdout}");
        let names = [0, 1, 2, 3, 4, 5].map(|n| format!("{n:06}.{ending}"));
        assert!(
            names.iter().all(|name| out.join(name).is_file()),
            "{names:?}"
        );

        let ran = goldcrest(&[
            "replay",
            out.to_str().unwrap(),
            "--json",
            "--config",
            &config,
        ]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let lines: Vec<serde_json::Value> = ran
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let sources: Vec<_> = lines
            .iter()
            .map(|l| PathBuf::from(l["path"].as_str().unwrap()))
            .collect();
        assert_eq!(sources, names.map(|name| out.join(name)));
        let times: Vec<_> = lines.iter().map(|l| l["time"].as_f64().unwrap()).collect();
        assert!(times[0] == 0.0 && times.is_sorted(), "{times:?}");
        let manifest = fs::read_to_string(out.join("manifest.jsonl")).unwrap();
        let last: serde_json::Value =
            serde_json::from_str(manifest.lines().last().unwrap()).unwrap();
        let first: serde_json::Value =
            serde_json::from_str(manifest.lines().nth(1).unwrap()).unwrap();
        let micros = |line: &serde_json::Value| line["elapsed_us"].as_u64().unwrap();
        let took = (micros(&last) - micros(&first)) as f64 / 1e6;
        assert!((times[5] - took).abs() < 1e-6, "{times:?} and {took}");
    }
}

#[test]
fn a_recording_of_a_recording_takes_each_file_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("c.toml");
    let bottles = root().join("tests/recordings/bottles");
    fs::write(
        &config,
        format!("[source]\nkind = \"recording\"\npath = {bottles:?}\n"),
    )
    .unwrap();
    let out = folder.path().join("out");
    let (code, _, stderr) = record(config.to_str().unwrap(), &out, &[]);
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(fs::read_dir(&out).unwrap().count(), 60 + 1);
    let copy = fs::read(out.join("000041.jpg")).unwrap();
    assert!(copy == fs::read(bottles.join("bottles-42.jpg")).unwrap());
}

#[test]
fn a_bound_of_bytes_ends_a_recording_well() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path(), "mjpg");
    let out = folder.path().join("out");
    let (code, stdout, stderr) = record(&config, &out, &["--max-bytes", "50k"]);
    assert_eq!(code, 0, "{stderr}");
    let used: u64 = fs::read_dir(&out)
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum();
    assert!(used <= 50 << 10 && used > 20 << 10, "{used}: {stdout}");
}

#[test]
fn a_bound_without_room_for_one_frame_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path(), "mjpg");
    let out = folder.path().join("out");
    let (code, stdout, stderr) = record(&config, &out, &["--max-bytes", "1k"]);
    assert_eq!(code, 64, "{stderr}");
    assert!(stdout.starts_with("0 frames, "), "{stdout}");
    let last = stderr.lines().last().unwrap_or_default();
    assert!(
        last.contains("--max-bytes has no room for one frame"),
        "{last}"
    );
    assert!(!out.exists());
}

#[test]
fn a_frame_is_on_the_disk_before_it_has_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path(), "mjpg");
    let (out, trace) = (folder.path().join("out"), folder.path().join("trace"));
    let traced = "trace=openat,fsync,fdatasync,renameat2,close";
    let ran = Command::new(installed("strace"))
        .args(["-f", "-y", "-e", traced, "-o"])
        .arg(&trace)
        .arg(env!("CARGO_BIN_EXE_goldcrest"))
        .arg("record")
        .arg(&out)
        .args(["--frames", "3", "--config", &config])
        .output()
        .unwrap();
    assert!(
        ran.status.success(),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    let text = fs::read_to_string(&trace).unwrap();
    let calls = text
        .lines()
        .filter(|line| line.contains(out.to_str().unwrap()));
    let calls: Vec<&str> = calls.filter(|line| !line.contains("close(")).collect();
    let renames = calls
        .iter()
        .enumerate()
        .filter(|(_, call)| call.contains("renameat2("));
    let renames: Vec<usize> = renames.map(|(at, _)| at).collect();
    assert_eq!(renames.len(), 3, "{text}");
    for at in renames {
        assert!(calls[at].contains("RENAME_NOREPLACE"), "{}", calls[at]);
        let before = calls[at - 1];
        assert!(
            before.contains("fdatasync(") && before.contains("/.unfinished>"),
            "{before}"
        );
        assert!(calls[at - 2].contains("O_EXCL"), "{}", calls[at - 2]);
    }
    // At the end the lines and the names, as after the first frame.
    let last: Vec<&&str> = calls.iter().rev().take(3).collect();
    let ends = |part: &str| last.iter().any(|call| call.contains(part));
    assert!(ends("/manifest.jsonl>") && ends("/out>"), "{last:?}");
}

#[test]
fn a_folder_that_is_not_empty_is_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path(), "mjpg");
    let (code, _, stderr) = record(&config, folder.path(), &[]);
    assert_eq!(code, 64, "{stderr}");
    assert!(
        stderr
            .trim_end()
            .ends_with("this folder is not empty; name a new one or an empty one")
    );
}

#[test]
fn a_disk_without_room_ends_a_recording_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path(), "mjpg");
    let full = folder.path().join("full");
    let (code, stdout, stderr) = record(&config, &full, &["--keep-free", "900000000G"]);
    assert_eq!(code, 74, "{stderr}");
    assert!(stdout.starts_with("0 frames, "), "{stdout}");
    let last = stderr.lines().last().unwrap_or_default();
    assert!(last.contains("must stay free (--keep-free)"), "{last}");
    assert!(!full.exists());
}

#[test]
fn a_recording_without_a_frame_leaves_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("c.toml");
    fs::create_dir(folder.path().join("empty")).unwrap();
    fs::write(folder.path().join("empty/1.jpg"), "").unwrap();
    let out = folder.path().join("out/deep");
    let source = |text: &str| fs::write(&config, format!("[source]\n{text}\n")).unwrap();

    source("kind = \"recording\"\npath = \"empty\"");
    let (code, stdout, stderr) = record(config.to_str().unwrap(), &out, &[]);
    assert_eq!(code, 0, "{stderr}");
    assert!(
        stdout.starts_with("0 frames, nothing was written"),
        "{stdout}"
    );
    source("kind = \"recording\"\npath = \"nowhere\"");
    let (code, _, stderr) = record(config.to_str().unwrap(), &out, &[]);
    assert_eq!(code, 66, "{stderr}");
    source("[camera]\ndevice = \"/dev/no-camera\"");
    let arguments = ["record", out.to_str().unwrap(), "--config"];
    let mut waiting = command(&arguments)
        .arg(&config)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut errors = BufReader::new(waiting.stderr.take().unwrap()).lines();
    let said = errors.find(|line| line.as_ref().unwrap().contains("recording camera"));
    assert!(said.is_some());
    signal(waiting.id(), "INT");
    waiting.wait().unwrap();
    assert!(!folder.path().join("out").exists());
}

#[test]
fn a_file_for_a_folder_is_refused_before_the_camera() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("c.toml");
    fs::write(
        &config,
        "[source]\nkind = \"recording\"\npath = \"nowhere\"\n",
    )
    .unwrap();
    for out in [config.clone(), config.join("deep")] {
        let (code, _, stderr) = record(config.to_str().unwrap(), &out, &[]);
        assert_eq!(code, 64, "{stderr}");
        let last = stderr.lines().last().unwrap_or_default();
        assert!(last.contains("this is not a folder"), "{last}");
    }
}
