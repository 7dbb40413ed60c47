//! What a subscriber sees when a daemon connects, and while one of its threads hangs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use goldcrest::daemon::{Daemon as InProcess, Reloader, Settings};
use goldcrest::engine::{
    Card, Description, Engine, Error as EngineError, HexDigest, Input, Labels, Resize,
};
use goldcrest::frame::{Frame, PixelFormat};
use goldcrest::memory::{self, EngineMemory, Facts, Guard};
use goldcrest::meter::{Progress, Tally};
use goldcrest::publish::{Extras, OutboxConfig, Publisher};
use goldcrest::signals::{Request, Stop};
use goldcrest::source::{
    Error as SourceError, Footprint, Monitor, Next, Opened, Source, Synthetic, SyntheticOptions,
};

use crate::support::talker::MODEL;
use crate::support::{Broker, Daemon, PATIENCE, Subscriber};

/// The topics up to the first message on `availability`, and that message.
fn birth(subscriber: &Subscriber) -> (Vec<String>, String) {
    let mut topics = Vec::new();
    loop {
        let message = subscriber.next(PATIENCE).expect("a birth");
        let name = message.topic.trim_start_matches("goldcrest/test/");
        if name == "availability" && !message.retained {
            return (topics, message.text);
        }
        topics.push(name.to_string());
    }
}

#[test]
fn online_comes_after_every_state_on_each_connection() {
    let mut broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/#");
    let more = format!("{}[commands]\nenabled = true\n", broker.config_toml());
    let daemon = Daemon::start(&more);
    let states = ["label", "camera", "settings"];
    let (topics, text) = birth(&subscriber);
    assert_eq!(text, "online");
    for state in states {
        assert!(
            topics.iter().any(|topic| topic == state),
            "{state}: {topics:?}"
        );
    }
    // The birth of a later connection, to a broker that knows nothing. The daemon waits a second
    // before it connects again.
    broker.stop();
    broker.start_again();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/#");
    let (topics, text) = birth(&subscriber);
    assert_eq!(text, "online");
    assert!(topics.iter().all(|topic| topic != "event"), "{topics:?}");
    for state in states {
        assert!(
            topics.iter().any(|topic| topic == state),
            "{state}: {topics:?}"
        );
    }
    // A command is heard as soon as that is seen.
    broker.send("goldcrest/test/command/health", "");
    subscriber.expect_that("health", |m| m.topic == "goldcrest/test/health");
    daemon.end();
}

#[test]
fn a_broker_that_stops_is_not_taken_for_a_foreign_client() {
    let mut broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/#");
    let mut daemon = Daemon::start(&broker.config_toml());
    subscriber.expect_that("availability", |m| m.text == "online");
    broker.end();
    broker.start_again();
    daemon.expect("trying again");
    daemon.expect("connected as");
    let log = daemon.end();
    assert!(
        !log.iter().any(|line| line.contains("was published on")),
        "{log:#?}"
    );
}

/// Sees the same label in every frame.
struct Constant(Description);

impl Engine for Constant {
    fn infer(&mut self, _: &[f32]) -> Result<&[f32], EngineError> {
        Ok(&[9.0, 0.0])
    }

    fn describe(&self) -> &Description {
        &self.0
    }
}

/// A source that hangs in the middle of a frame while it is told to.
struct Hanging {
    source: Synthetic,
    hangs: Arc<AtomicBool>,
}

impl Source for Hanging {
    fn next(&mut self, frame: &mut Frame) -> Result<Next, SourceError> {
        while self.hangs.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(10));
        }
        self.source.next(frame)
    }

    fn passed_over(&self) -> &Tally {
        self.source.passed_over()
    }
}

/// A daemon whose source hangs while `hangs` is set, and that may hang for `patience`.
fn hanging(broker: &Broker, hangs: &Arc<AtomicBool>, patience: Duration) -> InProcess {
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
    let settings = Settings {
        model: "".into(),
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
    };
    let facts = Facts {
        engine: EngineMemory::Plain(0),
        code: 0,
        data: 0,
        anonymous: 0,
        device: 0,
        frame: 0,
        source: 0,
        sized: memory::SizedBy::Camera,
        vision: 0,
        regions: memory::Regions::default(),
        mqtt: 0,
        snapshots: 0,
        reviews: 0,
        lessons: 0,
        threads: 0,
    };
    let source = Hanging {
        source: Synthetic::new(SyntheticOptions {
            format: PixelFormat::Yuyv,
            width: 64,
            height: 64,
            ..SyntheticOptions::default()
        }),
        hangs: Arc::clone(hangs),
    };
    let progress = Arc::new(Progress::default());
    let extras = Extras {
        progress: Some((Arc::clone(&progress), patience)),
        ..Extras::default()
    };
    let reloader = Reloader::new(Request::default(), settings, card, None);
    let engine = Box::new(Constant(Description {
        model_hash: MODEL.parse().unwrap(),
        ..Description::default()
    }));
    InProcess {
        source: Opened {
            source: Box::new(source),
            paced: false,
            says: "a test".into(),
            begun: None,
            camera: Monitor::steady("a test"),
            footprint: Footprint::default(),
        },
        pipeline: reloader.pipeline(vec![None], engine),
        publisher: Some(
            Publisher::start_with(&broker.config(), &OutboxConfig::default(), "test", extras)
                .unwrap(),
        ),
        guard: Guard::new(&memory::Config::default(), facts, Vec::new()),
        reloader,
        report: Request::default(),
        textfile: None,
        lessons: None,
        lesson_pictures: None,
        watching: None,
        keeper: None,
        snapshots: None,
        reviews: None,
        progress,
    }
}

#[test]
fn a_daemon_that_hangs_is_offline_until_it_goes_on() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/#");
    let hangs = Arc::new(AtomicBool::new(false));
    let stop = Stop::default();
    let daemon = hanging(&broker, &hangs, Duration::from_secs(2));
    let running = {
        let stop = stop.clone();
        thread::spawn(move || daemon.run(&stop))
    };
    let expect = |text: &str| {
        let message = subscriber.expect("availability");
        assert_eq!(message.text, text, "{message:?}");
    };
    expect("online");
    subscriber.expect_that("label", |m| m.json()["label"] == "bright");
    hangs.store(true, Ordering::Relaxed);
    expect("offline");
    hangs.store(false, Ordering::Relaxed);
    expect("online");
    stop.request();
    running.join().unwrap().unwrap();
    expect("offline");
}
