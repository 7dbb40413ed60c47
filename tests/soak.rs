//! The daemon over many frames: live heap and open files are equal at frame 500 and at the last
//! one.
//!
//! `GOLDCREST_SOAK=100000 cargo test --release --test soak -- --nocapture` compares frames
//! 1,000 and 100,000 instead.

mod support;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use goldcrest::daemon::{Daemon, Reloader, Settings};
use goldcrest::engine::{self, Card, Description, Engine};
use goldcrest::frame::{Frame, PixelFormat};
use goldcrest::memory::Guard;
use goldcrest::memory::{self, EngineMemory, Facts};
use goldcrest::meter::Tally;
use goldcrest::meter::heap;
use goldcrest::signals::{Request, Stop};
use goldcrest::source::Monitor;
use goldcrest::source::{Error, Footprint, Next, Opened, Source, Synthetic, SyntheticOptions};
use support::program::packed_model;

/// What the process held at one frame.
#[derive(Debug, PartialEq, Eq)]
struct Held {
    frame: u64,
    heap: i64,
    files: usize,
}

/// Made-up frames as fast as they can be drawn; notes what is held just before the frames in
/// `at`.
struct Watched {
    source: Synthetic,
    next: u64,
    at: [u64; 2],
    /// With room for both, so that telling them takes nothing from the heap.
    held: Arc<Mutex<Vec<Held>>>,
    /// Grows with each classified frame; `seen` is its value at the last one.
    looked: Arc<AtomicU64>,
    seen: u64,
}

/// Inferences of the shipped model, each for the frames up to the next one: the stages around it
/// are what is soaked.
struct Sparing {
    engine: Box<dyn Engine>,
    logits: Vec<f32>,
    looked: Arc<AtomicU64>,
}

/// Frames for one inference.
const SPARED: u64 = 20;

impl Engine for Sparing {
    fn infer(&mut self, input: &[f32]) -> Result<&[f32], engine::Error> {
        if self.looked.load(Ordering::Relaxed).is_multiple_of(SPARED) {
            self.logits.clear();
            self.logits.extend_from_slice(self.engine.infer(input)?);
        }
        self.looked.fetch_add(1, Ordering::Relaxed);
        Ok(&self.logits)
    }

    fn describe(&self) -> &Description {
        self.engine.describe()
    }
}

/// Bytes of live heap and open files while no other thread is in the middle of something, such as
/// reading `/proc`.
fn settled() -> (i64, usize) {
    let look = |_| {
        thread::sleep(Duration::from_millis(5));
        let files = std::fs::read_dir("/proc/self/fd").unwrap().count();
        (heap::now().live, files)
    };
    let (mut heap, mut files) = (i64::MAX, usize::MAX);
    for (a, b) in (0..9).map(look) {
        (heap, files) = (heap.min(a), files.min(b));
    }
    (heap, files)
}

impl Source for Watched {
    fn next(&mut self, frame: &mut Frame) -> Result<Next, Error> {
        if self.at.contains(&self.next) {
            let (heap, files) = settled();
            let held = Held {
                frame: self.next,
                heap,
                files,
            };
            self.held.lock().unwrap().push(held);
        }
        self.next += 1;
        // No faster than frames are classified; the wait is short, for a frame that the gate skips.
        let looked = || self.looked.load(Ordering::Relaxed);
        for _ in 0..100 {
            if looked() != self.seen {
                break;
            }
            thread::sleep(Duration::from_micros(100));
        }
        self.seen = looked();
        self.source.next(frame)
    }

    fn passed_over(&self) -> &Tally {
        self.source.passed_over()
    }
}

/// All of a daemon but its source, without a broker, with the shipped model in `folder`.
fn daemon(folder: &Path, source: Opened, looked: Arc<AtomicU64>) -> Daemon {
    let model = packed_model(folder);
    let card = Card::read(&model).unwrap();
    let engine = Box::new(Sparing {
        engine: engine::open(&model, &card, 1).unwrap(),
        logits: Vec::new(),
        looked,
    });
    let reloader = Reloader::new(
        Request::default(),
        Settings {
            model,
            head: None,
            threads: 1,
            vision: Default::default(),
            regions: Vec::new(),
            gate: Default::default(),
            observe: Default::default(),
            review: Default::default(),
            health: Default::default(),
            memory: Default::default(),
            log: log::LevelFilter::Info,
        },
        card.clone(),
        None,
    );
    let facts = Facts {
        engine: EngineMemory::Plain(0),
        code: 0,
        data: 0,
        anonymous: 0,
        device: 0,
        source: 0,
        sized: memory::SizedBy::Camera,
        frame: 0,
        vision: 0,
        regions: memory::Regions::default(),
        mqtt: 0,
        snapshots: 0,
        reviews: 0,
        lessons: 0,
        threads: 0,
    };
    Daemon {
        source,
        pipeline: reloader.pipeline(vec![None], engine),
        publisher: None,
        snapshots: None,
        reviews: None,
        lessons: None,
        lesson_pictures: None,
        watching: None,
        guard: Guard::new(&memory::Config::default(), facts, Vec::new()),
        reloader,
        report: Request::default(),
        textfile: None,
        keeper: None,
        progress: Arc::default(),
    }
}

/// Takes frames of `format` through a daemon of its own.
fn soak(format: PixelFormat, at: [u64; 2]) {
    let looked = Arc::new(AtomicU64::new(0));
    let all_held = Arc::new(Mutex::new(Vec::with_capacity(2)));
    let source = Synthetic::new(SyntheticOptions {
        format,
        width: 96,
        height: 72,
        paced: false,
        frames: Some(at[1] + 1),
        ..SyntheticOptions::default()
    });
    let source = Opened {
        source: Box::new(Watched {
            source,
            next: 0,
            at,
            held: Arc::clone(&all_held),
            looked: Arc::clone(&looked),
            seen: 0,
        }),
        paced: false,
        says: "made up".into(),
        begun: None,
        camera: Monitor::steady("made up"),
        footprint: Footprint::default(),
    };
    let folder = tempfile::tempdir().unwrap();
    let counts = daemon(folder.path(), source, looked)
        .run(&Stop::default())
        .unwrap();
    let held = all_held.lock().unwrap();
    println!("{format}: {held:?}; {counts:?}");
    assert_eq!(counts.totals.seen() + counts.replaced, at[1] + 1);
    // Most of them went through all stages.
    assert!(counts.totals.classified > at[1] / 2, "{counts:?}");
    let [early, late] = &held[..] else {
        panic!("{held:?}");
    };
    assert_eq!((early.frame, late.frame), (at[0], at[1]));
    assert_eq!((early.heap, early.files), (late.heap, late.files));
}

#[test]
fn heap_and_open_files_are_the_same_at_an_early_and_late_frame() {
    let late: Option<u64> = std::env::var("GOLDCREST_SOAK")
        .ok()
        .map(|n| n.parse().expect("GOLDCREST_SOAK is a number of frames"));
    let at = late.map_or([500, 2000], |late| [1000, late]);
    for format in [PixelFormat::Yuyv, PixelFormat::Jpeg] {
        soak(format, at);
    }
}
