//! Damaged frames by the thousand, and what the decoders hold: no panic, no hang, no growth.
//!
//! `cargo test --release --test fuzz` goes through a fixed number of cases, the same every time. A
//! long run:
//!
//! `FUZZ_CASES=1000000 FUZZ_SEED=7 cargo test --release --test fuzz -- --ignored --nocapture`
//!
//! A finding names its case; `FUZZ_FROM=CASE FUZZ_CASES=1` with the same seed repeats it alone.

use std::collections::BTreeMap;
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use goldcrest::engine::{Input, Resize};
use goldcrest::frame::{Colour, Error, Frame, Lines, PixelFormat, jpeg};
use goldcrest::meter::heap;
use goldcrest::source::{Next, Recording, RecordingOptions, Source};
use goldcrest::vision::{self, Config, Preparer};

/// Cases of the run that is part of all tests.
const CASES: u64 = 20_000;
/// A case that takes longer hangs; the slowest honest one takes some milliseconds.
const HANG: Duration = Duration::from_secs(5);
/// The most heap for a frame, whatever size its header claims: the rows of blocks of the widest
/// picture that there can be...
const ROWS: i64 = 12 << 20;
/// ...and, for each byte of a file, what is needed to decode it as a whole: a bit can stand for a
/// block of 64 values.
const WHOLE: i64 = 4096;

/// The heap's counters are the process's: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// Numbers that look random and are the same for the same seed (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `most`, which is at least 1.
    fn below(&mut self, most: usize) -> usize {
        (self.next() % most.max(1) as u64) as usize
    }

    fn byte(&mut self) -> u8 {
        self.next() as u8
    }

    fn part(&mut self, data: &[u8]) -> std::ops::Range<usize> {
        let from = self.below(data.len() + 1);
        from..from + self.below((data.len() - from).min(400) + 1)
    }
}

/// Where the markers of `data` stand.
fn markers(data: &[u8]) -> Vec<usize> {
    let pairs = data.windows(2).enumerate();
    let found = pairs.filter(|(_, pair)| pair[0] == 0xff && !matches!(pair[1], 0 | 0xff));
    found.map(|(at, _)| at).collect()
}

/// Does one kind of damage to `data`, with `other` for parts of another frame.
fn damage(random: &mut Random, data: &mut Vec<u8>, other: &[u8]) {
    let at = random.below(data.len());
    match random.below(12) {
        _ if data.is_empty() => data.extend(other),
        0 => data[at] ^= 1 << random.below(8),
        1 => data[at] = random.byte(),
        2 => data.truncate(at),
        3 => drop(data.drain(random.part(data))),
        4 => {
            let part = data[random.part(data)].to_vec();
            data.splice(at..at, part);
        }
        5 => {
            // The beginning of one frame and the end of another.
            data.truncate(at);
            data.extend(&other[random.below(other.len() + 1)..]);
        }
        6 => {
            let part = random.part(other);
            data.splice(at..at, other[part].iter().copied());
        }
        7 => drop(data.splice(at..at, [0xff, 0xc0 + random.byte() % 64])),
        8 => {
            let part = random.part(data);
            data[part].fill([0, 0xff, random.byte()][random.below(3)]);
        }
        kind => {
            let all = markers(data);
            let Some(&marker) = all.get(random.below(all.len())) else {
                return;
            };
            let place = match kind {
                // The marker's code, its length, or something in its body: sizes, samplings,
                // tables.
                9 => marker + 1,
                10 => marker + 2 + random.below(2),
                _ => marker + 4 + random.below(80),
            };
            if let Some(byte) = data.get_mut(place) {
                *byte = match random.below(3) {
                    0 => byte.wrapping_add(1),
                    1 => [0, 1, 0x7f, 0x80, 0xff, 0xc2][random.below(6)],
                    _ => random.byte(),
                };
            }
        }
    }
}

/// What goes through the damaged frames, kept from one to the next.
struct Bench {
    decoder: jpeg::Decoder,
    preparer: Preparer,
    frame: Frame,
    line: Vec<u8>,
}

fn preparer(config: &Config) -> Preparer {
    let input = Input {
        width: 128,
        height: 128,
        mean: [0.485, 0.456, 0.406],
        std: [0.229, 0.224, 0.225],
        resize: Resize::Squash,
    };
    Preparer::new(config, &input)
}

impl Bench {
    fn new() -> Self {
        Self {
            decoder: jpeg::Decoder::new(),
            preparer: preparer(&Config::default()),
            frame: Frame {
                format: PixelFormat::Jpeg,
                ..Frame::empty()
            },
            line: Vec::new(),
        }
    }

    /// The decoder alone, at `eighths` eighths of the size.
    fn decode(&mut self, eighths: usize) -> Result<(), Error> {
        let mut picture = self.decoder.open(&self.frame.data)?;
        let (_, width, height) = picture.start(eighths)?;
        self.line.resize(width * 3, 0);
        for y in 0..height {
            picture.read(y, 0, &mut self.line)?;
        }
        picture.finish()
    }
}

/// A file of `data` through the reader of recordings; how many frames it has.
fn record(path: &Path, data: &[u8]) -> usize {
    // With other first bytes it would be the user's ffmpeg that is tried.
    let first: &[&[u8]] = &[b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"YUV4MPEG2"];
    if !first.iter().any(|first| data.starts_with(first)) {
        return 0;
    }
    fs::write(path, data).unwrap();
    let Ok(mut recording) = Recording::open(path, RecordingOptions::default()) else {
        return 0;
    };
    let (mut frame, mut frames) = (Frame::empty(), 0);
    while let Ok(Next::Frame) = recording.next(&mut frame) {
        frames += 1;
    }
    frames
}

/// Frames of the corpus, all but the largest.
fn corpus() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/mjpeg");
    let files = fs::read_dir(folder).unwrap().map(|f| f.unwrap().path());
    let mut files: Vec<_> = files
        .filter(|f| f.extension().is_some_and(|e| e == "jpg"))
        .collect();
    files.sort();
    let frames = files.iter().map(|f| fs::read(f).unwrap());
    frames.filter(|f| f.len() < 30_000).collect()
}

/// A PNG picture and a Y4M stream.
fn others() -> [(&'static str, Vec<u8>); 2] {
    let picture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/palette.png");
    let mut stream = b"YUV4MPEG2 W16 H8 F25:1 C422\n".to_vec();
    for _ in 0..3 {
        stream.extend(b"FRAME\n");
        stream.extend((0..16 * 8 * 2).map(|i| i as u8));
    }
    [("x.png", fs::read(picture).unwrap()), ("x.y4m", stream)]
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |n| n.parse().expect("a number"))
}

/// Goes through `cases` cases and prints how many ended in which way.
fn fuzz(seed: u64, from: u64, cases: u64) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    settle();
    let (corpus, others) = (corpus(), others());
    let folder = tempfile::tempdir().unwrap();
    let good = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/corpus/mjpeg/avi1-422.jpg"
    );
    let good = Frame {
        format: PixelFormat::Jpeg,
        data: fs::read(good).unwrap().into(),
        ..Frame::empty()
    };
    let want = preparer(&Config::default())
        .prepare(good.view())
        .unwrap()
        .to_vec();
    let hook = panic::take_hook();
    // What a decoder made for trusted files does on damaged ones is caught where it is called; the
    // rest is found here.
    panic::set_hook(Box::new(|_| ()));

    let mut outcomes: BTreeMap<&str, u64> = BTreeMap::new();
    let mut findings = Vec::new();
    let (mut slowest, mut highest) = (Duration::ZERO, 0);
    let start = Instant::now();
    let before = heap::now().live;
    {
        let mut bench = Bench::new();
        for case in from..from + cases {
            let mut random = Random(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ case);
            bench
                .frame
                .data
                .own()
                .clone_from(&corpus[random.below(corpus.len())]);
            for _ in 0..1 + random.below(4) {
                let other = random.below(corpus.len());
                damage(&mut random, bench.frame.data.own(), &corpus[other]);
            }
            let most = ROWS + WHOLE * bench.frame.data.len() as i64;
            let live = heap::now().live;
            heap::forget_peak();
            let began = Instant::now();
            let ran = panic::catch_unwind(AssertUnwindSafe(|| {
                let data = &bench.frame.data;
                jpeg::size(data);
                assert!(jpeg::length(data).is_none_or(|n| n <= data.len()));
                let outcome = bench.decode(1 + random.below(8));
                let prepared = bench.preparer.prepare(bench.frame.view()).map(|_| ());
                // Only the scale differs, and every scale goes through all of the data.
                assert_eq!(
                    outcome.is_ok(),
                    prepared.is_ok(),
                    "{outcome:?}, {prepared:?}"
                );
                if case % 16 == 0 {
                    record(&folder.path().join("x.mjpeg"), &bench.frame.data);
                    let (name, seed) = &others[random.below(2)];
                    let mut file = seed.clone();
                    damage(&mut random, &mut file, seed);
                    record(&folder.path().join(name), &file);
                }
                if case % 64 == 0 {
                    // Nothing of a bad frame may be left for a good one.
                    assert!(bench.preparer.prepare(good.view()).unwrap() == want);
                }
                outcome.map_or_else(|error| error.cause(), |()| "read")
            }));
            let (took, peak) = (began.elapsed(), heap::peak() - live);
            (slowest, highest) = (slowest.max(took), highest.max(peak));
            match ran {
                Ok(outcome) => *outcomes.entry(outcome).or_insert(0) += 1,
                Err(cause) => {
                    let text = cause.downcast_ref::<String>().cloned();
                    let text = text.or_else(|| cause.downcast_ref().map(|s: &&str| (*s).into()));
                    findings.push(format!("case {case}: {}", text.unwrap_or_default()));
                    bench = Bench::new();
                }
            }
            if took > HANG {
                findings.push(format!("case {case}: it took {took:?}"));
            }
            if peak > most {
                findings.push(format!(
                    "case {case}: {peak} bytes of heap at once, {most} are allowed"
                ));
            }
        }
    }
    let took = start.elapsed();
    panic::set_hook(hook);
    println!(
        "{cases} cases from {from} of seed {seed} in {:.0} s: {outcomes:?}; slowest {slowest:?}, most heap {} KiB",
        took.as_secs_f64(),
        highest / 1024
    );
    assert!(
        findings.is_empty(),
        "{} findings: {findings:#?}",
        findings.len()
    );
    assert!(
        cases < 1000 || outcomes.len() >= 5,
        "the damage is too much alike: {outcomes:?}"
    );
    // The counts of outcomes are all that may be left.
    settles(before + 1024);
}

/// Waits until no more than `most` bytes are live; a decoder's threads may still be ending.
fn settles(most: i64) {
    let end = Instant::now() + Duration::from_secs(10);
    while heap::now().live > most && Instant::now() < end {
        thread::sleep(Duration::from_millis(10));
    }
    let live = heap::now().live;
    assert!(live <= most, "{} bytes are left behind", live - most);
}

#[test]
fn damaged_frames_do_no_harm() {
    fuzz(1, 0, CASES);
}

#[test]
#[ignore = "as long as one likes; see the top of this file"]
fn damaged_frames_do_no_harm_for_long() {
    fuzz(
        number("FUZZ_SEED", 7),
        number("FUZZ_FROM", 0),
        number("FUZZ_CASES", 1_000_000),
    );
}

/// Waits until the test harness, in a thread of its own, has freed what it kept of the test before:
/// the heap is counted for the whole process.
fn settle() {
    let mut before = heap::now();
    loop {
        thread::sleep(Duration::from_millis(100));
        let now = heap::now();
        if now == before {
            return;
        }
        before = now;
    }
}

/// Vision takes as much heap as the memory table states, and two thousand frames change
/// nothing.
#[test]
fn a_preparer_never_holds_more_than_it_reports() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    settle();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let jpeg = |path: &str| Frame {
        format: PixelFormat::Jpeg,
        data: fs::read(root.join(path)).unwrap().into(),
        ..Frame::empty()
    };
    let raw = Frame {
        format: PixelFormat::Yuyv,
        width: 640,
        height: 480,
        stride: 1280,
        colour: Colour::default(),
        data: (0..640 * 480 * 2)
            .map(|i| (i * 7 % 251) as u8)
            .collect::<Vec<_>>()
            .into(),
        ..Frame::empty()
    };
    let frames = [
        ("YUYV 640x480", 640, raw, 320 << 10),
        (
            "JPEG 640x360",
            640,
            jpeg("tests/recordings/bottles/bottles-01.jpg"),
            320 << 10,
        ),
        (
            "MJPEG 1920x1080",
            1920,
            jpeg("tests/corpus/mjpeg/1080p-422.jpg"),
            320 << 10,
        ),
    ];
    for (name, width, frame, most) in &frames {
        let before = heap::now().live;
        let mut preparer = preparer(&Config::default());
        let begun = preparer.bytes();
        preparer.prepare(frame.view()).unwrap();
        let (held, said) = (heap::now().live - before, preparer.bytes());
        println!("{name}: {said} bytes, {begun} of them from the start");
        assert_eq!(held, said as i64, "{name}");
        assert!(said < *most, "{name}: {said}");
        assert!(
            said - begun <= vision::memory(*width, *width * 9 / 16),
            "{name}: {said}"
        );
        let first = heap::now();
        for _ in 0..2000 / frames.len() {
            preparer.prepare(frame.view()).unwrap();
        }
        assert_eq!(heap::now(), first, "{name}");
    } // Masks are computed for the first picture and then looked up.
    let masks = "masks = [[0, 0, 0.25, 0.5], [[0.5, 0.5], [1, 0.5], [0.75, 1]]]";
    let masked: Config = toml::from_str(masks).unwrap();
    for (name, _, frame, most) in &frames {
        let mut preparer = preparer(&masked);
        preparer.prepare(frame.view()).unwrap();
        assert!(preparer.bytes() < *most, "{name}: {}", preparer.bytes());
        let first = heap::now();
        for _ in 0..100 {
            preparer.prepare(frame.view()).unwrap();
        }
        assert_eq!(heap::now(), first, "{name}");
    }
}
