//! Damaged recordings: a stream of MJPEG, one of Y4M, a PNG picture. Each goes the way of a
//! daemon's: it is measured, refused if that is too much, and read and prepared frame by frame.

use std::fs;
use std::path::Path;

use goldcrest::frame::Frame;
use goldcrest::meter::heap;
use goldcrest::source::{Next, Recording, RecordingOptions, Source};
use goldcrest::vision::{Config, Preparer};

use crate::frames::{corpus, damage};
use crate::support::{Cases, Ended, alone, preparer, settles};

/// Cases of the run that is part of all tests, of each kind.
const CASES: u64 = 4_000;
/// What a daemon's budget leaves for a recording.
const ADMITTED: usize = 8 << 20;
/// The most heap of a case: what was admitted, and what opening and measuring take.
const MOST: i64 = ADMITTED as i64 + (1 << 20);
/// A stream of so many frames has no end.
const ENDLESS: usize = 10_000;

/// A kind of recording.
struct Kind {
    /// Of the file.
    name: &'static str,
    /// The first bytes. With others it would be the user's ffmpeg that is tried.
    first: &'static [u8],
    seeds: Vec<Vec<u8>>,
}

fn mjpeg() -> Kind {
    let frames = corpus();
    let progressive = root("tests/reference/jpeg/progressive.jpg");
    let streams = frames.windows(3).step_by(3);
    Kind {
        name: "x.mjpeg",
        first: b"\xff\xd8",
        seeds: streams
            .map(|three| [&three.concat()[..], &progressive, &three[0]].concat())
            .collect(),
    }
}

fn y4m() -> Kind {
    let stream = |sampling: &str, bytes: usize| {
        let mut stream = format!("YUV4MPEG2 W16 H8 F25:1 {sampling}\n").into_bytes();
        for _ in 0..3 {
            stream.extend(b"FRAME\n");
            stream.extend((0..bytes).map(|i| i as u8));
        }
        stream
    };
    Kind {
        name: "x.y4m",
        first: b"YUV4MPEG2",
        seeds: vec![
            stream("C420jpeg", 192),
            stream("C422", 256),
            stream("Cmono", 128),
        ],
    }
}

fn png() -> Kind {
    Kind {
        name: "x.png",
        first: b"\x89PNG\r\n\x1a\n",
        seeds: vec![root("tests/recordings/palette.png")],
    }
}

fn root(path: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// Reads the recording at `path` as a daemon does; how that ended.
fn read(path: &Path, preparer: &mut Preparer) -> &'static str {
    let Ok(mut recording) = Recording::open(path, RecordingOptions::default()) else {
        return "not opened";
    };
    let need = recording.bounded();
    let bytes = [need.frame, need.frame, need.frame, need.own, need.whole];
    if bytes
        .iter()
        .fold(0_usize, |sum, more| sum.saturating_add(*more))
        > ADMITTED
    {
        return "refused";
    }
    let (mut frame, mut frames, mut prepared) = (Frame::empty(), 0, 0);
    while let Ok(Next::Frame) = recording.next(&mut frame) {
        prepared += usize::from(preparer.prepare(frame.view()).is_ok());
        frames += 1;
        assert!(frames < ENDLESS, "it has no end");
    }
    match (frames, prepared) {
        (0, _) => "no frame",
        (_, 0) => "no good frame",
        (frames, good) if frames == good => "good frames",
        _ => "good and bad frames",
    }
}

/// Goes through `cases` of one kind.
fn fuzz(kind: &Kind, cases: &Cases) {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(kind.name);
    let before = heap::now().live;
    cases.run(3, |_, random| {
        let mut data = kind.seeds[random.below(kind.seeds.len())].clone();
        for _ in 0..1 + random.below(4) {
            damage(random, &mut data, &kind.seeds[0]);
        }
        let outcome = if data.starts_with(kind.first) {
            fs::write(&path, &data).unwrap();
            read(&path, &mut preparer(&Config::default()))
        } else {
            "of another kind"
        };
        Ended {
            outcome,
            most: MOST,
        }
    });
    settles(before + 1024);
}

#[test]
fn damaged_mjpeg_streams_do_no_harm() {
    fuzz(&mjpeg(), &Cases::few(CASES));
}

#[test]
fn damaged_y4m_streams_do_no_harm() {
    fuzz(&y4m(), &Cases::few(CASES));
}

#[test]
fn damaged_png_pictures_do_no_harm() {
    fuzz(&png(), &Cases::few(CASES));
}

#[test]
#[ignore = "as long as one likes; see main.rs"]
fn damaged_mjpeg_streams_do_no_harm_for_long() {
    fuzz(&mjpeg(), &Cases::many());
}

#[test]
#[ignore = "as long as one likes; see main.rs"]
fn damaged_y4m_streams_do_no_harm_for_long() {
    fuzz(&y4m(), &Cases::many());
}

#[test]
#[ignore = "as long as one likes; see main.rs"]
fn damaged_png_pictures_do_no_harm_for_long() {
    fuzz(&png(), &Cases::many());
}
