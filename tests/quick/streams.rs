//! Streams through the program: pipes and FIFOs, and every wait that a signal must end.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::daemon::configuration;
use crate::support::program::{Ran, command, goldcrest, root, signal};
use crate::support::{PATIENCE, wait_for};

/// How long a wait may go on after the signal.
const PROMPT: Duration = Duration::from_secs(5);

fn fifo(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("camera");
    let made = Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    path
}

/// Four shipped frames, one after the other.
fn mjpeg() -> Vec<u8> {
    let frame = |n| root().join(format!("tests/recordings/bottles/bottles-{n:02}.jpg"));
    let frames = (1..=4).map(|n| fs::read(frame(n)).unwrap());
    frames.collect::<Vec<_>>().concat()
}

fn y4m(frames: usize) -> Vec<u8> {
    let mut stream = b"YUV4MPEG2 W64 H48 F10:1 Cmono\n".to_vec();
    for n in 0..frames {
        stream.extend(b"FRAME\n");
        stream.extend(vec![n as u8; 64 * 48]);
    }
    stream
}

/// Runs the program with `input` on its standard input.
fn piped(arguments: &[&str], input: &[u8]) -> Ran {
    let mut child = command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A program that refuses its input leaves a broken pipe.
    stdin.write_all(input).ok();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn a_stream_is_replayed_from_standard_input() {
    for path in ["-", "/dev/stdin"] {
        let ran = piped(&["replay", path, "--json"], &mjpeg());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert_eq!(ran.stdout.lines().count(), 4, "{}", ran.stderr);
        let ran = piped(&["replay", path, "--json"], &y4m(3));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert_eq!(ran.stdout.lines().count(), 3, "{}", ran.stderr);
        assert!(
            ran.stdout.contains("\"source\":\"stdin#2\""),
            "{}",
            ran.stdout
        );
    }
}

#[test]
fn a_pipe_that_carries_something_else_is_refused_in_one_line() {
    let picture = fs::read(root().join("tests/recordings/palette.png")).unwrap();
    for (input, code, words) in [
        (&picture[..], 65, "a PNG picture"),
        (b"\0\0\0\x18ftypmp42 video", 65, "a video file"),
        (b"hello, world", 65, "of an unknown kind"),
        (b"YUV4MPEG2 W0 H0\n", 65, "no width and height"),
        (b"", 66, "before its first byte"),
    ] {
        let ran = piped(&["replay", "-"], input);
        assert_eq!(ran.code, code, "{}", ran.stderr);
        let line = ran.stderr.lines().last().unwrap();
        assert!(line.starts_with("goldcrest: -: "), "{line}");
        assert!(line.contains(words), "{line}");
    }
}

#[test]
fn a_stream_is_replayed_from_a_fifo() {
    let folder = TempDir::new().unwrap();
    let path = fifo(&folder);
    let child = spawn(&["replay", path.to_str().unwrap(), "--json"], &[]);
    let mut writer = OpenOptions::new().write(true).open(&path).unwrap();
    writer.write_all(&y4m(5)).unwrap();
    drop(writer);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), 5);
    assert!(text.contains("camera#4"), "{text}");
}

#[test]
fn the_daemon_reads_a_fifo_to_its_end() {
    let folder = TempDir::new().unwrap();
    let path = fifo(&folder);
    let source = format!("kind = \"recording\"\npath = {path:?}");
    let config = configuration(folder.path(), &source, "[mqtt]\nenabled = false\n");
    let config = config.to_str().unwrap();
    let checked = goldcrest(&["check", "--config", config]);
    assert_eq!(checked.code, 0, "{}{}", checked.stdout, checked.stderr);
    assert!(checked.stdout.contains("is a stream"), "{}", checked.stdout);
    let child = spawn(&["run", "--config", config], &[]);
    let mut writer = OpenOptions::new().write(true).open(&path).unwrap();
    writer.write_all(&y4m(5)).unwrap();
    drop(writer);
    let output = child.wait_with_output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{log}");
    assert!(log.contains("ended: "), "{log}");
}

#[test]
fn an_address_where_nobody_is_ends_a_daemon_in_one_line() {
    for (address, code, words) in [
        (
            "http://me:egg@127.0.0.1:9/video",
            69,
            "http://127.0.0.1:9/video: nothing",
        ),
        (
            "rtsp://me:egg@127.0.0.1:9/1",
            65,
            "rtsp://127.0.0.1:9/1: ffmpeg cannot read this",
        ),
    ] {
        let folder = TempDir::new().unwrap();
        let source = format!("kind = \"recording\"\npath = {address:?}");
        let config = configuration(folder.path(), &source, "[mqtt]\nenabled = false\n");
        let ran = goldcrest(&["run", "--config", config.to_str().unwrap()]);
        assert_eq!(ran.code, code, "{}", ran.stderr);
        let line = ran.stderr.lines().last().unwrap();
        assert!(line.contains(words) && !line.contains("egg"), "{line}");
    }
}

fn spawn(arguments: &[&str], environment: &[(&str, &Path)]) -> Child {
    let mut command = command(arguments);
    for (name, value) in environment {
        command.env(name, value);
    }
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Ends `child` by the signal `name`, and returns its code.
fn ended_by(child: &mut Child, name: &str) -> Option<i32> {
    signal(child.id(), name);
    let sent = Instant::now();
    let mut code = None;
    let ended = wait_for(PATIENCE, || {
        let status = child.try_wait().unwrap();
        code = status.and_then(|status| status.code());
        status.is_some()
    });
    assert!(ended, "it does not end");
    assert!(sent.elapsed() < PROMPT, "{:?}", sent.elapsed());
    code
}

/// Whether `child` waits: it has installed its handlers, and has nothing to do.
fn waits(child: &mut Child) {
    std::thread::sleep(Duration::from_millis(1500));
    assert!(child.try_wait().unwrap().is_none(), "it has ended");
}

/// A program named ffmpeg that hangs, in a child of its own; it notes its number.
fn hanging_ffmpeg(folder: &TempDir) -> (PathBuf, PathBuf) {
    let bin = folder.path().join("bin");
    let note = folder.path().join("numbers");
    fs::create_dir(&bin).unwrap();
    let program = bin.join("ffmpeg");
    let text = format!(
        "#!/bin/sh\nsleep 600 &\necho $$ $! > {}\nwait\n",
        note.display()
    );
    fs::write(&program, text).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap();
    (PathBuf::from(format!("{}:{path}", bin.display())), note)
}

/// Whether a process of this number runs; one that ended and was not reaped does not.
fn runs(number: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{number}/status")).unwrap_or_default();
    !status.is_empty() && !status.contains("State:\tZ")
}

#[test]
fn a_signal_ends_the_wait_for_an_ffmpeg_that_hangs() {
    for (name, daemon) in [("TERM", false), ("INT", false), ("TERM", true)] {
        let folder = TempDir::new().unwrap();
        let (path, note) = hanging_ffmpeg(&folder);
        let video = folder.path().join("a.mp4");
        fs::write(&video, b"\0\0\0\x18ftypmp42 video").unwrap();
        let source = format!("kind = \"recording\"\npath = {video:?}");
        let config = configuration(folder.path(), &source, "[mqtt]\nenabled = false\n");
        let arguments = if daemon {
            ["run", "--config", config.to_str().unwrap()]
        } else {
            ["replay", video.to_str().unwrap(), "--json"]
        };
        let mut child = spawn(&arguments, &[("PATH", &path)]);
        assert!(wait_for(PATIENCE, || {
            fs::read_to_string(&note).is_ok_and(|text| text.ends_with('\n'))
        }));
        waits(&mut child);
        let code = ended_by(&mut child, name);
        assert_eq!(code, Some(if daemon { 0 } else { 130 }), "{name}");
        let numbers = fs::read_to_string(&note).unwrap();
        for number in numbers.split_whitespace() {
            assert!(wait_for(PROMPT, || !runs(number)), "{number} is left");
        }
    }
}

#[test]
fn a_signal_ends_the_wait_for_a_writer() {
    for (name, daemon) in [
        ("TERM", false),
        ("INT", false),
        ("TERM", true),
        ("INT", true),
    ] {
        // Nobody opens the FIFO; nobody writes; the first frame stalls; the second stalls.
        for stall in [None, Some(0), Some(500), Some(5000)] {
            let folder = TempDir::new().unwrap();
            let path = fifo(&folder);
            let source = format!("kind = \"recording\"\npath = {path:?}");
            let config = configuration(folder.path(), &source, "[mqtt]\nenabled = false\n");
            let arguments = if daemon {
                ["run", "--config", config.to_str().unwrap()]
            } else {
                ["replay", path.to_str().unwrap(), "--json"]
            };
            let mut child = spawn(&arguments, &[]);
            let writer: Option<File> = stall.map(|bytes| {
                let mut writer = OpenOptions::new().write(true).open(&path).unwrap();
                writer.write_all(&y4m(2)[..bytes]).unwrap();
                writer
            });
            waits(&mut child);
            let code = ended_by(&mut child, name);
            assert_eq!(code, Some(if daemon { 0 } else { 130 }), "{name} {stall:?}");
            drop(writer);
        }
    }
}

#[test]
fn a_signal_ends_a_replay_that_goes_on_and_its_code_tells() {
    let mut child = spawn(&["replay", "tests/recordings/bottles", "--realtime"], &[]);
    waits(&mut child);
    assert_eq!(ended_by(&mut child, "INT"), Some(130));
}
