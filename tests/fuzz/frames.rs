//! Damaged JPEG frames, as a camera's driver or a recording hands them over.

use std::fs;
use std::path::Path;
use std::time::Instant;

use goldcrest::frame::{Error, Frame, Limit, Lines, PixelFormat, jpeg};
use goldcrest::meter::heap;
use goldcrest::vision::{Config, Preparer};

use crate::slowest::slowest;
use crate::support::{Cases, Ended, Random, alone, preparer, settles};

/// Cases of the run that is part of all tests.
const CASES: u64 = 20_000;
/// A camera of 1080p, and a recording for which 16 MiB were admitted.
const LIMITS: [Limit; 2] = [
    Limit {
        width: 1920,
        height: 1088,
        bytes: 64 << 10,
        whole: 0,
    },
    Limit {
        width: 4096,
        height: 4096,
        bytes: 64 << 10,
        whole: 16 << 20,
    },
];

/// The most heap for a frame of this limit, whatever its header claims and however many bytes it
/// has: rows of blocks and of pixels, what decoding it as a whole may take, and a decoder's copies
/// of its notes. The rest is tables.
const fn most(limit: &Limit) -> i64 {
    (limit.whole + 256 * limit.width + 2 * limit.bytes + (512 << 10)) as i64
}

/// Where the markers of `data` stand.
fn markers(data: &[u8]) -> Vec<usize> {
    let pairs = data.windows(2).enumerate();
    let found = pairs.filter(|(_, pair)| pair[0] == 0xff && !matches!(pair[1], 0 | 0xff));
    found.map(|(at, _)| at).collect()
}

/// Does one kind of damage to `data`, with `other` for parts of another frame.
pub fn damage(random: &mut Random, data: &mut Vec<u8>, other: &[u8]) {
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
        let mut picture = self.decoder.open(&self.frame.data, self.frame.limit)?;
        let (_, width, height) = picture.start(eighths)?;
        self.line.resize(width * 3, 0);
        for y in 0..height {
            picture.read(y, 0, &mut self.line)?;
        }
        picture.finish()
    }
}

/// Frames of the corpus, all but the largest.
pub fn corpus() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/mjpeg");
    let files = fs::read_dir(folder).unwrap().map(|f| f.unwrap().path());
    let mut files: Vec<_> = files
        .filter(|f| f.extension().is_some_and(|e| e == "jpg"))
        .collect();
    files.sort();
    let frames = files.iter().map(|f| fs::read(f).unwrap());
    frames.filter(|f| f.len() < 30_000).collect()
}

/// Goes through `cases`: the decoder and the preparer, within the limit of a camera or a recording.
fn fuzz(cases: &Cases) {
    let _alone = alone();
    let corpus = corpus();
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
    let before = heap::now().live;
    let mut bench = Bench::new();
    cases.run(5, |case, random| {
        bench
            .frame
            .data
            .own()
            .clone_from(&corpus[random.below(corpus.len())]);
        for _ in 0..1 + random.below(4) {
            let other = random.below(corpus.len());
            damage(random, bench.frame.data.own(), &corpus[other]);
        }
        let limit = LIMITS[(case % 2) as usize];
        bench.frame.limit = limit;
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
        if case % 64 == 0 {
            // Nothing of a bad frame may be left for a good one.
            assert!(bench.preparer.prepare(good.view()).unwrap() == want);
        }
        let outcome = outcome.map_or_else(|error| error.cause(), |()| "read");
        Ended {
            outcome,
            most: most(&limit),
        }
    });
    drop(bench);
    // Less than a kibibyte, for the harness.
    settles(before + 1024);
}

#[test]
fn damaged_frames_do_no_harm() {
    fuzz(&Cases::few(CASES));
}

/// Its last interval ends within a value that no block has room for: one way of reading a block saw
/// the end first, and the other the wrong value.
#[test]
fn an_interval_that_ends_in_a_wrong_value_is_judged_alike() {
    fuzz(&Cases::found(27, 213_226));
}

#[test]
#[ignore = "as long as one likes; see main.rs"]
fn damaged_frames_do_no_harm_for_long() {
    fuzz(&Cases::many());
}

/// A mode bounds the blocks, and the buffer of the mode the bytes, so nothing slower is accepted.
#[test]
fn the_slowest_frame_is_one_buffer_of_values() {
    let _alone = alone();
    let mut bench = Bench::new();
    for (width, height) in [(640, 480), (1920, 1080)] {
        bench.frame.data.own().clone_from(&slowest(width, height));
        let (width, height) = (usize::from(width), usize::from(height));
        let bytes = bench.frame.data.len();
        // Two bytes a pixel are what a driver reserves.
        assert!(bytes < 2 * width * height, "{bytes}");
        bench.frame.limit = Limit {
            width,
            height,
            bytes,
            whole: 0,
        };
        let begun = Instant::now();
        bench.preparer.prepare(bench.frame.view()).unwrap();
        let prepared = begun.elapsed();
        bench.decode(1).unwrap();
        println!(
            "{width}x{height}: {bytes} bytes, prepared in {prepared:?}, the gate's pass in {:?}",
            begun.elapsed() - prepared
        );
        bench.frame.limit.bytes -= 1;
        let refused = bench.preparer.prepare(bench.frame.view());
        assert_eq!(refused.map(|_| ()).unwrap_err().cause(), "too-long");
    }
}
