//! The daemon over many frames: live heap and open files are the same at frame 500 and at the last one.
//!
//! `GOLDCREST_SOAK=100000 cargo test --release --test soak -- --nocapture` looks at frames 1,000 and 100,000 instead.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use goldcrest::engine::{self, Card, bundle, pack};
use goldcrest::frame::{Frame, PixelFormat};
use goldcrest::observe;
use goldcrest::service::daemon::Daemon;
use goldcrest::service::heap;
use goldcrest::service::pipeline::Pipeline;
use goldcrest::service::signals::Stop;
use goldcrest::source::camera::Monitor;
use goldcrest::source::{Counts, Error, Next, Opened, Source, Synthetic, SyntheticOptions};
use goldcrest::vision::{self, Gate, GateConfig};

/// What the process held at one frame.
#[derive(Debug, PartialEq, Eq)]
struct Held {
    frame: u64,
    heap: i64,
    files: usize,
}

/// Made-up frames as fast as they can be drawn; tells what is held as the frames in `at` are about to come.
struct Watched {
    source: Synthetic,
    next: u64,
    at: [u64; 2],
    /// With room for both, so that telling them takes nothing from the heap.
    held: Arc<Mutex<Vec<Held>>>,
}

impl Source for Watched {
    fn next(&mut self, frame: &mut Frame) -> Result<Next, Error> {
        if self.at.contains(&self.next) {
            let held = Held {
                frame: self.next,
                heap: heap::now().live,
                files: std::fs::read_dir("/proc/self/fd").unwrap().count(),
            };
            self.held.lock().unwrap().push(held);
        }
        self.next += 1;
        self.source.next(frame)
    }

    fn passed_over(&self) -> &Counts {
        self.source.passed_over()
    }
}

fn pipeline() -> Pipeline {
    let model = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("model/convnext_tiny_128_int8.onnx");
    let card = Card::read(&model).unwrap();
    let folder = tempfile::tempdir().unwrap();
    // Packed for this test alone, and mapped before the folder goes.
    let bundled = folder.path().join("model.onnx");
    for (from, to) in [
        (model.clone(), bundled.clone()),
        (
            model.with_file_name("labels.txt"),
            folder.path().join("labels.txt"),
        ),
        (
            model.with_file_name("model.toml"),
            folder.path().join("model.toml"),
        ),
    ] {
        std::os::unix::fs::symlink(from, to).unwrap();
    }
    pack::pack(&bundled, &folder.path().join(bundle::NAME)).unwrap();
    let engine = engine::open(&bundled, &card, 1).unwrap();
    let vision = vision::Config::default();
    let gate = Gate::new(&GateConfig::default(), &vision, &card.input);
    Pipeline::new(&vision, &observe::Config::default(), &card, engine).gated(gate)
}

/// Takes frames of `format` through a daemon of its own, with real inferences.
fn soak(format: PixelFormat, at: [u64; 2]) {
    let all_held = Arc::new(Mutex::new(Vec::with_capacity(2)));
    let source = Synthetic::new(SyntheticOptions {
        format,
        width: 160,
        height: 120,
        paced: false,
        frames: Some(at[1] + 1),
        ..SyntheticOptions::default()
    });
    let daemon = Daemon {
        source: Opened {
            source: Box::new(Watched {
                source,
                next: 0,
                at,
                held: Arc::clone(&all_held),
            }),
            paced: false,
            says: "made up".into(),
            begun: None,
            camera: Monitor::steady("made up"),
        },
        pipeline: pipeline(),
        publisher: None,
        health: Default::default(),
    };
    let counts = daemon.run(&Stop::default()).unwrap();
    let held = all_held.lock().unwrap();
    println!("{format}: {held:?}; {counts:?}");
    assert_eq!(counts.seen + counts.replaced, at[1] + 1);
    assert!(counts.frames > 0, "{counts:?}");
    let [early, late] = &held[..] else {
        panic!("{held:?}");
    };
    assert_eq!((early.frame, late.frame), (at[0], at[1]));
    assert_eq!((early.heap, early.files), (late.heap, late.files));
}

#[test]
fn heap_and_open_files_are_the_same_at_an_early_and_at_a_late_frame() {
    let late: Option<u64> = std::env::var("GOLDCREST_SOAK")
        .ok()
        .map(|n| n.parse().expect("GOLDCREST_SOAK is a number of frames"));
    let at = late.map_or([500, 2000], |late| [1000, late]);
    for format in [PixelFormat::Yuyv, PixelFormat::Jpeg] {
        soak(format, at);
    }
}
