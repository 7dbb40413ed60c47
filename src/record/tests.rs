use std::fs;
use std::io::{self, Write};
use std::path::Path;

use super::recorder::UNFINISHED;
use super::*;
use crate::frame::{Frame, Lines, PixelFormat, Rows, jpeg};
use crate::source::recording::manifest;
use crate::source::{
    Monitor, Next, Recording, RecordingOptions, Source, Status, Synthetic, SyntheticOptions,
};
use crate::vision;

const LIMITS: Limits = Limits {
    max_bytes: 1 << 30,
    keep_free: 0,
};

fn synthetic(format: PixelFormat) -> Synthetic {
    Synthetic::new(SyntheticOptions {
        format,
        width: 64,
        height: 48,
        frame_rate: 4.0,
        paced: false,
        ..SyntheticOptions::default()
    })
}

fn unmasked(folder: &Path, limits: Limits) -> Result<Recorder, Error> {
    Recorder::new(folder, limits, &vision::Config::default())
}

fn status() -> Status {
    Monitor::steady("a drawing").status()
}

fn rgb(frame: &Frame) -> Vec<u8> {
    let mut rows = Rows::new(frame.view()).unwrap();
    let mut rgb = vec![0; frame.width * frame.height * 3];
    for (y, line) in rgb.chunks_exact_mut(frame.width * 3).enumerate() {
        rows.rgb(y, 0, line).unwrap();
    }
    rgb
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let name = |e: io::Result<fs::DirEntry>| e.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<_> = entries.map(name).collect();
    names.sort();
    names
}

#[test]
fn a_recording_replays_with_the_same_pixels_and_times() {
    for format in [
        PixelFormat::Yuyv,
        PixelFormat::Nv12,
        PixelFormat::Grey,
        PixelFormat::Jpeg,
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut recorder = unmasked(folder.path(), LIMITS).unwrap();
        let mut source = synthetic(format);
        let mut written = Vec::new();
        for number in 0..5 {
            let mut frame = Frame::empty();
            source.next(&mut frame).unwrap();
            // A dropped frame leaves a gap in the times.
            if number != 2 {
                assert_eq!(recorder.write(&frame, status).unwrap(), Written::Whole);
                written.push(frame);
            }
        }
        assert_eq!(recorder.frames(), 4);
        let on_disk: u64 = names(folder.path())
            .iter()
            .map(|name| folder.path().join(name).metadata().unwrap().len())
            .sum();
        assert_eq!(recorder.bytes(), on_disk);

        let mut replay = Recording::open(folder.path(), RecordingOptions::default()).unwrap();
        let mut frame = Frame::empty();
        for wanted in &written {
            assert_eq!(replay.next(&mut frame).unwrap(), Next::Frame);
            let elapsed = wanted.captured.elapsed;
            assert_eq!(frame.captured.elapsed, elapsed, "{format}");
            let off = wanted
                .captured
                .wall
                .duration_since(frame.captured.wall)
                .unwrap();
            assert!(off.as_micros() < 1, "{format}: {off:?}");
            match format {
                PixelFormat::Jpeg => assert_eq!(*frame.data, *wanted.data),
                _ => assert_eq!(*frame.data, rgb(wanted), "{format}"),
            }
        }
        assert_eq!(replay.next(&mut frame).unwrap(), Next::End);
    }
}

#[test]
fn masks_are_black_in_every_file_and_nothing_else_changes() {
    let vision: vision::Config = toml::from_str("masks = [[0.5, 0, 0.5, 1]]").unwrap();
    for format in [PixelFormat::Yuyv, PixelFormat::Grey, PixelFormat::Jpeg] {
        let folder = tempfile::tempdir().unwrap();
        let mut recorder = Recorder::new(folder.path(), LIMITS, &vision).unwrap();
        let mut frame = Frame::empty();
        let mut source = synthetic(format);
        source.next(&mut frame).unwrap();
        recorder.write(&frame, status).unwrap();
        assert_eq!(names(folder.path()), ["000000.png", "manifest.jsonl"]);
        let written = image::open(folder.path().join("000000.png")).unwrap();
        let written = written.into_rgb8();
        let mut wanted = match format {
            PixelFormat::Jpeg => {
                let mut decoder = jpeg::Decoder::new();
                let mut picture = decoder.open(&frame.data, frame.limit).unwrap();
                let mut rgb = vec![0; 64 * 48 * 3];
                for (y, line) in rgb.chunks_exact_mut(64 * 3).enumerate() {
                    picture.rgb(y, 0, line).unwrap();
                }
                rgb
            }
            _ => rgb(&frame),
        };
        for row in wanted.chunks_exact_mut(64 * 3) {
            row[32 * 3..].fill(0);
        }
        assert_eq!(written.as_raw(), &wanted, "{format}");
    }
}

#[test]
fn the_manifest_describes_each_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = unmasked(folder.path(), LIMITS).unwrap();
    let mut frame = Frame::empty();
    synthetic(PixelFormat::Yuyv).next(&mut frame).unwrap();
    recorder.write(&frame, status).unwrap();
    assert_eq!(names(folder.path()), ["000000.png", "manifest.jsonl"]);
    let text = fs::read_to_string(folder.path().join("manifest.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(
        (&lines[0]["v"], &lines[0]["card"]),
        (&1.into(), &"a drawing".into())
    );
    let bytes = folder.path().join("000000.png").metadata().unwrap().len();
    for (key, value) in [
        ("file", serde_json::json!("000000.png")),
        ("seq", 0.into()),
        ("elapsed_us", 0.into()),
        ("format", "YUYV".into()),
        ("width", 64.into()),
        ("height", 48.into()),
        ("bytes", bytes.into()),
    ] {
        assert_eq!(lines[1][key], value, "{key}");
    }
}

#[test]
fn a_loop_goes_on_with_the_clock_of_a_cut_manifest() {
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = unmasked(folder.path(), LIMITS).unwrap();
    let (mut source, mut frame) = (synthetic(PixelFormat::Jpeg), Frame::empty());
    for _ in 0..3 {
        source.next(&mut frame).unwrap();
        recorder.write(&frame, status).unwrap();
    }
    let manifest = folder.path().join(manifest::NAME);
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, &text[..text.len() - 20]).unwrap();
    let options = RecordingOptions {
        looping: true,
        ..RecordingOptions::default()
    };
    let mut replay = Recording::open(folder.path(), options).unwrap();
    assert!((replay.frame_rate() - 4.0).abs() < 1e-6);
    let mut times = Vec::new();
    for _ in 0..7 {
        assert_eq!(replay.next(&mut frame).unwrap(), Next::Frame);
        times.push(frame.captured.elapsed.as_millis());
    }
    assert_eq!(times, [0, 250, 500, 750, 1000, 1250, 1500]);
}

#[test]
fn limits_are_kept_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut frame = Frame::empty();
    synthetic(PixelFormat::Jpeg).next(&mut frame).unwrap();
    let limits = Limits {
        max_bytes: frame.data.len() as u64 + 400,
        ..LIMITS
    };
    let mut recorder = unmasked(folder.path(), limits).unwrap();
    assert_eq!(recorder.write(&frame, status).unwrap(), Written::Whole);
    let written = recorder.write(&frame, status).unwrap();
    assert!(matches!(written, Written::Beyond(_)), "{written:?}");
    assert_eq!(names(folder.path()), ["000000.jpg", "manifest.jsonl"]);
    assert!(recorder.bytes() <= limits.max_bytes);

    let full = tempfile::tempdir().unwrap();
    let limits = Limits {
        keep_free: u64::MAX,
        ..LIMITS
    };
    let mut recorder = unmasked(full.path(), limits).unwrap();
    let refused = recorder.write(&frame, status).unwrap_err();
    assert!(matches!(refused, Error::Full { .. }), "{refused}");
    assert!(names(full.path()).is_empty());
}

#[test]
fn a_folder_that_is_not_empty_or_is_a_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a");
    fs::write(&file, "x").unwrap();
    let refuse = |path: &Path| unmasked(path, LIMITS).map(|_| ()).unwrap_err();
    assert!(matches!(refuse(folder.path()), Error::NotEmpty(_)));
    for file in [&file, &file.join("b"), &file.join("b/c")] {
        assert!(matches!(refuse(file), Error::NotFolder(_)), "{file:?}");
    }
    let link = folder.path().join("link");
    std::os::unix::fs::symlink("nowhere", &link).unwrap();
    assert!(matches!(refuse(&link), Error::Io { .. }));
}

#[test]
fn a_folder_is_created_with_the_first_frame() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("new/deep");
    let mut recorder = unmasked(&deep, LIMITS).unwrap();
    assert!(names(folder.path()).is_empty());
    let mut frame = Frame::empty();
    synthetic(PixelFormat::Jpeg).next(&mut frame).unwrap();
    recorder.write(&frame, status).unwrap();
    assert_eq!(names(&deep), ["000000.jpg", "manifest.jsonl"]);
    assert!(unmasked(Path::new("no-such-folder"), LIMITS).is_ok());
    // Somebody else may use the folder before that.
    let other = folder.path().join("other");
    let mut recorder = unmasked(&other, LIMITS).unwrap();
    fs::create_dir(&other).unwrap();
    fs::write(other.join("000000.jpg"), "theirs").unwrap();
    let refused = recorder.write(&frame, status).unwrap_err();
    assert!(matches!(refused, Error::NotEmpty(_)), "{refused}");
    assert_eq!(names(&other), ["000000.jpg"]);
}

#[test]
fn a_frame_that_cannot_be_written_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let full = Path::new("/dev/full");
    let error = fs::OpenOptions::new()
        .write(true)
        .open(full)
        .and_then(|mut file| file.write_all(b"x"))
        .unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::ENOSPC));
    // The rename fails because its target is a folder that is not empty.
    let (unfinished, target) = (folder.path().join(UNFINISHED), folder.path().join("a"));
    fs::create_dir_all(target.join("b")).unwrap();
    assert!(place(&unfinished, &target, b"x").is_err());
    assert_eq!(names(folder.path()), ["a"]);
    // A frame that the manifest has no room for is removed.
    let mut recorder = unmasked(&folder.path().join("new"), LIMITS).unwrap();
    let mut frame = Frame::empty();
    synthetic(PixelFormat::Jpeg).next(&mut frame).unwrap();
    recorder.write(&frame, status).unwrap();
    let before = recorder.bytes();
    recorder.manifest = fs::OpenOptions::new().write(true).open(full).ok();
    let error = recorder.write(&frame, status).unwrap_err();
    assert!(
        matches!(&error, Error::Io { cause, .. } if cause.raw_os_error() == Some(libc::ENOSPC)),
        "{error}"
    );
    let left = names(&folder.path().join("new"));
    assert_eq!(left, ["000000.jpg", "manifest.jsonl"]);
    assert_eq!((recorder.frames(), recorder.bytes()), (1, before));
}

#[test]
fn neither_a_link_nor_a_file_that_is_there_is_written_to() {
    let folder = tempfile::tempdir().unwrap();
    let (unfinished, target) = (folder.path().join(UNFINISHED), folder.path().join("a"));
    let theirs = folder.path().join("theirs");
    fs::write(&theirs, "theirs").unwrap();
    for taken in [&unfinished, &target] {
        std::os::unix::fs::symlink(&theirs, taken).unwrap();
        let error = place(&unfinished, &target, b"x").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists, "{taken:?}");
        assert!(taken.is_symlink() && fs::read(&theirs).unwrap() == b"theirs");
        fs::remove_file(taken).unwrap();
    }
    place(&unfinished, &target, b"x").unwrap();
    assert!(place(&unfinished, &target, b"y").is_err());
    assert_eq!(fs::read(&target).unwrap(), b"x");
    assert_eq!(names(folder.path()), ["a", "theirs"]);
}

#[test]
fn a_turned_picture_is_recorded_with_its_orientation() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let mut recorder = unmasked(&out, LIMITS).unwrap();
    let mut frame = Frame::empty();
    synthetic(PixelFormat::Yuyv).next(&mut frame).unwrap();
    frame.orientation = crate::frame::Orientation::QuarterClockwise;
    assert_eq!(recorder.write(&frame, status).unwrap(), Written::Whole);
    let mut replay = Recording::open(&out, RecordingOptions::default()).unwrap();
    let mut read = Frame::empty();
    assert_eq!(replay.next(&mut read).unwrap(), Next::Frame);
    assert_eq!(read.orientation, frame.orientation);
    assert_eq!(*read.data, rgb(&frame));
}
