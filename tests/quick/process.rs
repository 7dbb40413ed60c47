//! A program whose output is the camera, as the daemon, `check` and `record` use it.
//! tests/process.rs has the programs that misbehave.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::daemon::{configuration, table};
use crate::support::program::{field, goldcrest, root};
use crate::support::{Broker, Daemon, PATIENCE, Subscriber, wait_for};

/// How soon all that a killed daemon started is gone.
const GONE: Duration = Duration::from_secs(8);

const NO_BROKER: &str = "[mqtt]\nenabled = false\n";

/// A source of the program `argv`, with more keys of `[process]`.
fn source(argv: &[&str], more: &str) -> String {
    format!("kind = \"process\"\n[process]\nargv = {argv:?}\n{more}")
}

/// A source of the shell's text `script`.
fn shell(script: &str, more: &str) -> String {
    source(&["sh", "-c", script], more)
}

/// Pictures of the shipped recording without end, ten a second.
fn bottles() -> String {
    let folder = root().join("tests/recordings/bottles");
    format!(
        "while :; do for n in {}/bottles-0?.jpg; do cat $n; sleep 0.1; done; done",
        folder.display()
    )
}

/// Whether a process has `word` in its command line.
fn runs(word: &str) -> bool {
    fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(word)
    })
}

fn has_ffmpeg() -> bool {
    let found = Command::new("ffmpeg").arg("-version").output();
    let found = found.is_ok_and(|ran| ran.status.success());
    if !found {
        println!("SKIPPED: no ffmpeg");
    }
    found
}

#[test]
fn the_topics_follow_a_program_that_ends_and_comes_back() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/#");
    let folder = TempDir::new().unwrap();
    let flag = folder.path().join("flag");
    fs::write(&flag, "").unwrap();
    // Ends as soon as the flag is away, and without it says so.
    let script = format!(
        "cd {}; [ -e flag ] || {{ echo no flag >&2; exit 3; }}; while [ -e flag ]; do \
         for n in {}/bottles-0?.jpg; do cat $n; sleep 0.1; done; done",
        folder.path().display(),
        root().join("tests/recordings/bottles").display()
    );
    let more = format!("{}[health]\ninterval = 1\n", broker.config_toml());
    let mut daemon = Daemon::on(&shell(&script, ""), &more);
    let camera = subscriber.expect_that("camera", |m| m.json()["state"] == "streaming");
    let camera = camera.json();
    assert_eq!(camera["card"], "the output of sh", "{camera}");
    assert_eq!(camera["mode"]["fourcc"], "MJPG", "{camera}");
    subscriber.expect_that("label", |m| m.json()["label"].is_string());
    let health = subscriber.expect_that("health", |m| {
        m.json()["memory"]["child"]["processes"].as_u64() >= Some(2)
    });
    let child = &health.json()["memory"]["child"]["memory_mb"];
    assert!(child.as_f64().unwrap() > 0.2, "{child}");
    fs::remove_file(&flag).unwrap();
    let lost = subscriber.expect_that("camera", |m| {
        let message = m.json()["message"].to_string();
        m.json()["cause"] == "exited" && message.contains("no flag")
    });
    assert_eq!(lost.json()["state"], "lost");
    assert!(
        lost.json()["message"].to_string().contains("code 3"),
        "{lost:?}"
    );
    subscriber.expect_that("label", |m| m.json()["reason"] == "camera lost");
    fs::write(&flag, "").unwrap();
    let again = Instant::now();
    subscriber.expect_that("camera", |m| m.json()["state"] == "streaming");
    assert!(
        again.elapsed() < Duration::from_secs(5),
        "{:?}",
        again.elapsed()
    );
    daemon.signal("TERM");
    let asked = Instant::now();
    assert!(daemon.wait().success());
    assert!(
        asked.elapsed() < Duration::from_secs(2),
        "{:?}",
        asked.elapsed()
    );
    let word = folder.path().display().to_string();
    assert!(wait_for(GONE, || !runs(&word)));
}

#[test]
fn a_killed_daemon_leaves_no_program_behind() {
    let folder = TempDir::new().unwrap();
    let word = folder.path().join("word").display().to_string();
    // A child in a session of its own that ignores signals, too.
    let script = format!(
        ": {word}; setsid sh -c 'trap \"\" INT TERM HUP; while :; do sleep 1; done; : {word}' & {}",
        bottles()
    );
    let mut daemon = Daemon::on(&shell(&script, ""), NO_BROKER);
    daemon.expect("camera streaming");
    assert!(runs(&word));
    daemon.signal("KILL");
    daemon.wait();
    assert!(wait_for(GONE, || !runs(&word)), "it outlives the daemon");
}

#[test]
fn check_starts_the_program_for_one_frame() {
    let folder = TempDir::new().unwrap();
    let config = configuration(folder.path(), &shell(&bottles(), ""), NO_BROKER);
    let ran = goldcrest(&["check", "--config", config.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stdout.contains("sh sends MJPG 640x360"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout.contains("MiB beside this program, in "),
        "{}",
        ran.stdout
    );
    assert!(wait_for(GONE, || !runs("bottles-0?.jpg")));
}

#[test]
fn check_names_what_is_wrong_with_a_program() {
    let text = root().join("README.md");
    let text = text.to_str().unwrap();
    for (source, code, words) in [
        (source(&["no-such-eye"], ""), 66, "no-such-eye is not there"),
        (source(&[text], ""), 77, "chmod +x"),
        (source(&[], ""), 78, "process.argv: must name a program"),
        (
            source(&["cat"], "format = \"grey\""),
            78,
            "process.width: must be set",
        ),
        (
            shell("echo out of order >&2; exit 4", ""),
            69,
            "its last line: out of order",
        ),
        (
            shell(&bottles(), "width = 320\nheight = 240"),
            65,
            "640x360",
        ),
        (
            shell("sleep 60", "timeout = 0.5\nstart_timeout = 1"),
            69,
            "no frame for 1.0 s",
        ),
    ] {
        let folder = TempDir::new().unwrap();
        let config = configuration(folder.path(), &source, NO_BROKER);
        let ran = goldcrest(&["check", "--config", config.to_str().unwrap()]);
        let text = ran.stdout + &ran.stderr;
        assert_eq!(ran.code, code, "{text}");
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn a_program_that_is_missing_at_the_start_is_waited_for() {
    let folder = TempDir::new().unwrap();
    let eye = folder.path().join("eye");
    let mut daemon = Daemon::on(&source(&[eye.to_str().unwrap()], ""), NO_BROKER);
    let line = daemon.expect("camera lost");
    assert!(line.contains("eye is not there"), "{line}");
    let script = format!("#!/bin/sh\n{}\n", bottles());
    let next = folder.path().join("next");
    fs::write(&next, script).unwrap();
    fs::set_permissions(&next, Permissions::from_mode(0o755)).unwrap();
    fs::rename(next, eye).unwrap();
    daemon.expect("camera streaming");
    daemon.end();
}

#[test]
fn another_program_is_taken_at_the_next_start() {
    let mut daemon = Daemon::on(&shell(&bottles(), ""), NO_BROKER);
    daemon.expect("camera streaming");
    let config = daemon.folder.path().join("config.toml");
    let text = fs::read_to_string(&config).unwrap();
    let secret = "--password cuckoo";
    fs::write(
        &config,
        text.replacen("while :;", &format!(": {secret}; while :;"), 1),
    )
    .unwrap();
    daemon.signal("HUP");
    daemon.expect("process.argv changes at the next start");
    assert!(!daemon.end().join("\n").contains("cuckoo"));
}

#[test]
fn passwords_of_arguments_are_shown_nowhere() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "#");
    let script =
        "echo \"cannot open rtsp://me:cuc%6boo@porch/1: login cuckoo failed, $2\" >&2; exit 1";
    let argv = [
        "sh",
        "-c",
        script,
        "eye",
        "rtsp://me:cuc%6boo@porch/1",
        "--password",
        "magpie",
    ];
    let argv = source(&argv, "");
    let more = format!("{}[log]\nlevel = \"debug\"\n", broker.config_toml());
    let mut daemon = Daemon::on(&argv, &more);
    let lost = subscriber.expect_that("camera", |m| m.json()["cause"] == "exited");
    assert!(
        lost.text.contains("rtsp://***@porch/1: login *** failed"),
        "{lost:?}"
    );
    daemon.expect("camera lost");
    daemon.signal("USR1");
    daemon.expect("memory needed");
    let mut shown = daemon.end().join("\n");
    let folder = TempDir::new().unwrap();
    let config = configuration(folder.path(), &argv, NO_BROKER);
    let text = fs::read_to_string(&config).unwrap();
    for (from, to) in [
        ("", ""),
        ("argv = [", "argv = ["),
        ("[process]\n", "[process]\ntimeot = 3\n"),
        ("\"magpie\"]", "\"magpie\", 3]"),
        ("\"magpie\"]", "\"magpie\""),
        ("argv = [", "argv = \"cuckoo magpie\" #"),
    ] {
        fs::write(&config, text.replacen(from, to, 1)).unwrap();
        let ran = goldcrest(&["check", "--json", "--config", config.to_str().unwrap()]);
        assert_ne!(ran.code, 0);
        shown += &(ran.stdout + &ran.stderr);
    }
    while let Some(message) = subscriber.next(Duration::from_millis(100)) {
        shown += &message.text;
    }
    for secret in ["cuckoo", "cuc%6boo", "magpie"] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
}

#[test]
fn ffmpeg_gives_frames_in_every_format() {
    if !has_ffmpeg() {
        return;
    }
    let raw = "width = 640\nheight = 480\n";
    for (format, output, more) in [
        ("mjpeg", "-c:v mjpeg -f mjpeg", ""),
        ("y4m", "-pix_fmt yuv420p -f yuv4mpegpipe", ""),
        ("y4m", "-pix_fmt yuv422p -f yuv4mpegpipe", ""),
        ("y4m", "-pix_fmt gray -f yuv4mpegpipe", ""),
        ("yuv420", "-pix_fmt yuv420p -f rawvideo", raw),
        ("grey", "-pix_fmt gray -f rawvideo", raw),
        (
            "yuv420",
            "-vf pad=704:480 -pix_fmt yuv420p -f rawvideo",
            "width = 640\nheight = 480\nstride = 704\n",
        ),
    ] {
        let input = "-nostdin -loglevel error -re -f lavfi -i testsrc2=s=640x480:r=10";
        let line = format!("ffmpeg {input} {output} pipe:1");
        let argv: Vec<&str> = line.split(' ').collect();
        let source = source(&argv, &format!("format = \"{format}\"\n{more}"));
        let folder = TempDir::new().unwrap();
        let config = configuration(folder.path(), &source, NO_BROKER);
        let out = folder.path().join("out");
        let (config, out) = (config.to_str().unwrap(), out.to_str().unwrap());
        let ran = goldcrest(&["record", out, "--frames", "3", "--config", config]);
        assert_eq!(ran.code, 0, "{line}: {}", ran.stderr);
        assert!(ran.stdout.starts_with("3 frames"), "{line}: {}", ran.stdout);
        let ending = if format == "mjpeg" { "jpg" } else { "png" };
        let picture = image::open(Path::new(out).join(format!("000002.{ending}"))).unwrap();
        assert_eq!((picture.width(), picture.height()), (640, 480));
        // The test picture has bright bars of every colour, whose mean is near the middle.
        let pixels = picture.to_luma8();
        let mean = pixels.iter().map(|&l| f64::from(l)).sum::<f64>() / pixels.len() as f64;
        assert!((60.0..200.0).contains(&mean), "{line}: {mean}");
    }
}

/// Best label and score of each frame that `replay` classifies.
fn answers(path: &Path) -> Vec<(String, f64)> {
    let ran = goldcrest(&["replay", path.to_str().unwrap(), "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let lines = ran.stdout.lines().map(|line| {
        let frame: Value = serde_json::from_str(line).unwrap();
        let best = &frame["top"][0];
        let label = best["label"].as_str().unwrap().to_string();
        (label, best["score"].as_f64().unwrap())
    });
    lines.collect()
}

#[test]
fn a_recording_has_the_same_answers_through_a_program() {
    const FRAMES: usize = 10;
    if !has_ffmpeg() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let pictures = folder.path().join("pictures");
    fs::create_dir(&pictures).unwrap();
    for n in 1..=FRAMES {
        let from = root().join(format!("tests/recordings/bottles/bottles-{n:02}.jpg"));
        fs::copy(from, pictures.join(format!("{n:02}.jpg"))).unwrap();
    }
    let film = folder.path().join("film.y4m");
    let made = Command::new("ffmpeg")
        .args(["-nostdin", "-loglevel", "error", "-framerate", "4", "-i"])
        .arg(pictures.join("%02d.jpg"))
        .args(["-vf", "scale=out_range=tv", "-pix_fmt", "yuv420p"])
        .args(["-f", "yuv4mpegpipe"])
        .arg(&film)
        .status();
    assert!(made.unwrap().success());
    // Recorded too, because raw frames become PNG in a recording.
    let recorded = |name: &str, source: &str| {
        let config = configuration_in(folder.path(), name, source);
        let out = folder.path().join(name).join("out");
        let frames = FRAMES.to_string();
        let (config, target) = (config.to_str().unwrap(), out.to_str().unwrap());
        let ran = goldcrest(&["record", target, "--frames", &frames, "--config", config]);
        assert_eq!(ran.code, 0, "{name}: {}", ran.stderr);
        assert!(
            ran.stdout.contains("dropped: none"),
            "{name}: {}",
            ran.stdout
        );
        answers(&out)
    };
    let y4m = recorded("file", &format!("kind = \"recording\"\npath = {film:?}\n"));
    let jpeg = answers(&pictures);
    assert_eq!((jpeg.len(), y4m.len()), (FRAMES, FRAMES));
    let slow = format!(
        "for n in {}/*.jpg; do cat $n; sleep 0.3; done",
        pictures.display()
    );
    let paced = |output: &str| {
        let film = film.display();
        format!("exec ffmpeg -nostdin -loglevel error -re -i {film} {output} pipe:1")
    };
    let raw = "format = \"yuv420\"\nwidth = 640\nheight = 360\n";
    for (name, script, more, want) in [
        ("mjpeg", slow, "", &jpeg),
        ("y4m", paced("-f yuv4mpegpipe"), "format = \"y4m\"\n", &y4m),
        ("raw", paced("-f rawvideo"), raw, &y4m),
    ] {
        let found = recorded(name, &shell(&script, more));
        assert_eq!(found.len(), FRAMES, "{name}");
        for (found, want) in found.iter().zip(want) {
            assert_eq!(found.0, want.0, "{name}");
            assert!(
                (found.1 - want.1).abs() < 0.01,
                "{name}: {found:?} and {want:?}"
            );
        }
    }
}

/// A configuration in a folder of this `name`.
fn configuration_in(folder: &Path, name: &str, source: &str) -> std::path::PathBuf {
    let folder = folder.join(name);
    fs::create_dir(&folder).unwrap();
    configuration(&folder, source, NO_BROKER)
}

#[test]
fn a_daemon_of_a_program_stays_within_48_mib() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/label");
    for format in ["mjpeg", "y4m"] {
        let script = match format {
            "mjpeg" => bottles(),
            _ if !has_ffmpeg() => continue,
            _ => "exec ffmpeg -nostdin -loglevel error -re -f lavfi -i testsrc2=s=640x480:r=10 \
                  -pix_fmt yuv420p -f yuv4mpegpipe pipe:1"
                .into(),
        };
        let source = shell(&script, &format!("format = \"{format}\"\n"));
        let mut daemon = Daemon::on(&source, &broker.config_toml());
        daemon.expect("in all, at most");
        let need = table(&daemon.log);
        let all = need.iter().find(|(name, _)| name == "in all, at most");
        let all = all.unwrap().1;
        daemon.expect("camera streaming");
        for _ in 0..20 {
            subscriber.expect("label");
        }
        assert!(wait_for(PATIENCE, || field(daemon.id(), "VmHWM:").is_some()));
        let peak = field(daemon.id(), "VmHWM:").unwrap() as f64 / 1024.0;
        println!("{format}: {all:.2} MiB computed, {peak:.2} at the peak");
        assert!(all <= 48.0, "{format}: {all} MiB are computed");
        assert!(peak <= all, "{format}: {peak} MiB, and {all} were computed");
        daemon.end();
    }
}
