use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::engine::{self, Card, Description, Engine, HexDigest, Input, Labels, Resize};
use crate::frame::Frame;
use crate::memory::{self, EngineMemory, Facts};
use crate::meter::Tally;
use crate::signals::Request;
use crate::source::{Footprint, Monitor, Next, Source};

mod misbehaving;

/// Sees the same label in every frame.
struct Constant {
    described: Description,
}

impl Engine for Constant {
    fn infer(&mut self, _: &[f32]) -> Result<&[f32], engine::Error> {
        Ok(&[9.0, 0.0])
    }

    fn describe(&self) -> &Description {
        &self.described
    }
}

/// Panics at its first frame.
struct Broken;

impl Source for Broken {
    fn next(&mut self, _: &mut Frame) -> Result<Next, source::Error> {
        panic!("a bug of a driver's binding");
    }

    fn passed_over(&self) -> &Tally {
        unreachable!("the source never gave a frame")
    }
}

/// A guard over a process of which so many bytes are known.
fn guard(anonymous: usize) -> Guard {
    let facts = Facts {
        engine: EngineMemory::Plain(0),
        code: 0,
        data: 0,
        anonymous,
        device: 0,
        frame: 0,
        source: 0,
        sized: memory::SizedBy::Itself,
        vision: 0,
        regions: memory::Regions::default(),
        mqtt: 0,
        snapshots: 0,
        reviews: 0,
        lessons: 0,
        threads: 0,
    };
    Guard::new(&memory::Config::default(), facts, Vec::new())
}

fn daemon(source: Box<dyn Source>) -> Daemon {
    let card = Card {
        folder: "".into(),
        name: "constant".into(),
        labels: Labels::new(vec!["bright".into(), "dim".into()]).unwrap(),
        temperature: 1.0,
        input: Input {
            width: 32,
            height: 32,
            mean: [0.5; 3],
            std: [0.25; 3],
            resize: Resize::Squash,
        },
        sha256: HexDigest::default(),
    };
    let engine = Constant {
        described: Description::default(),
    };
    let reloader = Reloader::new(
        Request::default(),
        Settings {
            model: PathBuf::new(),
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
    Daemon {
        source: Opened {
            source,
            paced: false,
            says: "a test".into(),
            begun: None,
            camera: Monitor::steady("a test"),
            footprint: Footprint::default(),
        },
        pipeline: reloader.pipeline(vec![None], Box::new(engine)),
        publisher: None,
        snapshots: None,
        reviews: None,
        guard: guard(0),
        reloader,
        report: Request::default(),
        textfile: None,
        lessons: None,
        lesson_pictures: None,
        keeper: None,
        progress: Arc::default(),
        watching: None,
    }
}

#[test]
fn a_source_that_panics_ends_the_daemon_with_an_error() {
    let started = Instant::now();
    let ended = daemon(Box::new(Broken)).run(&Stop::default());
    assert!(matches!(ended, Err(Error::Panicked)), "{ended:?}");
    assert!(started.elapsed() < Duration::from_secs(30));
}
