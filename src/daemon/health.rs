//! Collects the numbers of the topic `health` at each interval.

use std::time::{Duration, Instant, SystemTime};

use serde::Deserialize;

use crate::engine::Description;
use crate::frame::PictureState;
use crate::memory::Reading;
use crate::meter::timing::StageTimes;
use crate::meter::{Tally, heap, process, thermal, tree};
use crate::misfit::{Misfit, within};
use crate::pipeline::Totals;
use crate::publish::{self, Hashes, MemoryUse, MessageCounts, Time};
use crate::source::SourceState;

/// Section `[health]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Seconds between two messages, 1 to 86400.
    pub(crate) interval: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self { interval: 60.0 }
    }
}

impl Config {
    /// Checks the range.
    ///
    /// # Errors
    /// The key and the allowed values.
    pub(crate) fn check(&self) -> Result<(), Misfit> {
        within("interval", self.interval, 1.0..=86400.0, "seconds")
    }
}

/// What the main loop knows at one moment.
pub(super) struct Now<'a> {
    /// Frames since the start.
    pub(super) totals: &'a Totals,
    /// Frames and messages dropped since the start, by cause.
    pub(super) drops: Tally,
    pub(super) camera: SourceState,
    /// The process that gives the pictures, if there is one.
    pub(super) child: Option<u32>,
    pub(super) picture: PictureState,
    /// What each region cost.
    pub(super) regions: Vec<publish::RegionHealth<'a>>,
    /// The engine.
    pub(super) engine: &'a Description,
    /// The model and the head that it runs.
    pub(super) hashes: Hashes<'a>,
    /// The messages, if there is a publisher.
    pub(super) messages: Option<MessageCounts>,
    /// The guard's last reading of the memory.
    pub(super) memory: Reading,
}

/// Knows when the next message is due, and the counts at the last one.
#[derive(Debug)]
pub(super) struct Collector {
    every: Duration,
    begun: Instant,
    last: Instant,
    seen: u64,
    classified: u64,
}

impl Collector {
    /// Starts the first interval.
    pub(super) fn new(config: &Config) -> Self {
        let now = Instant::now();
        Self {
            every: Duration::try_from_secs_f64(config.interval).unwrap_or(Duration::MAX),
            begun: now,
            last: now,
            seen: 0,
            classified: 0,
        }
    }

    /// Changes the interval between two messages.
    pub(super) fn configure(&mut self, config: &Config) {
        self.every = Duration::try_from_secs_f64(config.interval).unwrap_or(Duration::MAX);
    }

    /// Whether the interval is over.
    pub(super) fn due(&self) -> bool {
        self.last.elapsed() >= self.every
    }

    /// Starts the next interval, with the counts at its beginning.
    pub(super) fn start_interval(&mut self, totals: &Totals) {
        self.last = Instant::now();
        (self.seen, self.classified) = (totals.seen(), totals.classified);
    }

    /// The numbers of the interval so far, in which the stages took `stages`.
    pub(super) fn numbers<'a>(&self, now: Now<'a>, stages: StageTimes) -> publish::Health<'a> {
        let interval = self.last.elapsed().as_secs_f64().max(1e-3);
        let rate = |now: u64, then: u64| ((now - then) as f64 / interval * 100.0).round() / 100.0;
        let (seen, classified) = (now.totals.seen(), now.totals.classified);
        publish::Health {
            v: publish::VERSION,
            time: Time(SystemTime::now()),
            uptime_s: self.begun.elapsed().as_secs(),
            interval_s: (interval * 1000.0).round() / 1000.0,
            camera: now.camera,
            picture: (now.camera == SourceState::Streaming).then_some(now.picture),
            fps: rate(seen, self.seen),
            classified_fps: rate(classified, self.classified),
            frames: seen,
            classified,
            filled_in: now.totals.filled_in,
            stages_ms: stages,
            regions: now.regions,
            drops: now.drops,
            memory: MemoryUse {
                resident: process::resident(),
                heap_bytes: heap::now().live,
                budget_mb: now.memory.budget_mb,
                cgroup: now.memory.pressure,
                child: now.child.and_then(tree::held),
            },
            queue: now.messages.map(publish::Queue::from),
            outbox: now.messages.map(|m| publish::OutboxUse::from(m.events)),
            temperature_c: thermal::temperature(),
            kernel: &now.engine.kernel,
            model: now.hashes.model,
            head: now.hashes.head,
        }
    }
}

/// The numbers of a daemon that is only simulated: the counts of its messages and this process's
/// memory are real.
pub(crate) fn sample<'a>(
    uptime: Duration,
    changes: u64,
    model: &'a str,
    messages: MessageCounts,
) -> publish::Health<'a> {
    let seconds = uptime.as_secs();
    publish::Health {
        v: publish::VERSION,
        time: Time(SystemTime::now()),
        uptime_s: seconds,
        interval_s: 60.0,
        camera: SourceState::Streaming,
        picture: Some(PictureState::Ok),
        fps: 10.0,
        classified_fps: 1.0,
        frames: seconds * 10,
        classified: changes,
        filled_in: 0,
        stages_ms: StageTimes::default(),
        regions: Vec::new(),
        drops: Tally::new(),
        memory: MemoryUse {
            resident: process::resident(),
            heap_bytes: heap::now().live,
            budget_mb: 48,
            cgroup: None,
            child: None,
        },
        queue: Some(publish::Queue::from(messages)),
        outbox: Some(publish::OutboxUse::from(messages.events)),
        temperature_c: Some(48.3),
        kernel: "simulated",
        model,
        head: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::HexDigest;

    fn description() -> Description {
        Description {
            kernel: "scalar".into(),
            model_hash: HexDigest::of(b"model"),
            ..Description::default()
        }
    }

    static TOTALS: Totals = Totals {
        classified: 61,
        still: 39,
        no_turn: 0,
        paused: 0,
        bad: Tally::new(),
        filled_in: 7,
        changes: 0,
    };

    fn now(engine: &Description) -> Now<'_> {
        let mut drops = Tally::new();
        drops.add("still");
        Now {
            totals: &TOTALS,
            drops,
            camera: SourceState::Streaming,
            child: None,
            picture: PictureState::Dark,
            regions: Vec::new(),
            engine,
            hashes: Hashes {
                region: None,
                model: &engine.model_hash,
                head: Some("beef"),
            },
            messages: None,
            memory: Reading {
                budget_mb: 48,
                ..Reading::default()
            },
        }
    }

    fn collector() -> Collector {
        Collector::new(&Config { interval: 1.0 })
    }

    #[test]
    fn rates_cover_the_interval_and_counts_the_whole_run() {
        let mut collector = collector();
        collector.last = Instant::now() - Duration::from_secs(2);
        (collector.seen, collector.classified) = (80, 60);
        let engine = description();
        let health = collector.numbers(now(&engine), StageTimes::default());
        assert!((health.fps - 10.0).abs() < 1.0, "{health:?}");
        assert!(health.classified_fps <= 0.5, "{health:?}");
        assert_eq!((health.frames, health.classified), (100, 61));
        assert_eq!(health.filled_in, 7);
        assert_eq!(health.drops.of("still"), 1);
    }

    #[test]
    fn a_message_is_due_after_each_interval() {
        let mut collector = collector();
        assert!(!collector.due());
        collector.last = Instant::now() - Duration::from_secs(2);
        assert!(collector.due());
        collector.start_interval(&TOTALS);
        assert!(!collector.due());
        let engine = description();
        let health = collector.numbers(now(&engine), StageTimes::default());
        assert_eq!((health.fps, health.frames), (0.0, 100));
    }

    #[test]
    fn memory_and_model_are_filled_in() {
        let engine = description();
        let health = collector().numbers(now(&engine), StageTimes::default());
        assert!(health.memory.resident.rss_anon_mb > 0.0, "{health:?}");
        assert!(health.memory.heap_bytes > 0, "{health:?}");
        assert_eq!(health.memory.budget_mb, 48);
        assert_eq!(
            (health.kernel, health.model),
            ("scalar", &*HexDigest::of(b"model"))
        );
        assert_eq!(health.head, Some("beef"));
    }

    #[test]
    fn only_a_streaming_camera_has_a_picture() {
        let engine = description();
        let health = collector().numbers(now(&engine), StageTimes::default());
        assert_eq!(health.picture, Some(PictureState::Dark));
        let lost = Now {
            camera: SourceState::Lost,
            ..now(&engine)
        };
        let health = collector().numbers(lost, StageTimes::default());
        assert_eq!(health.picture, None);
    }

    #[test]
    fn an_interval_out_of_its_range_is_named() {
        assert_eq!(Config::default().check(), Ok(()));
        for interval in [0.5, 100_000.0, f64::NAN] {
            assert_eq!(Config { interval }.check().unwrap_err().key, "interval");
        }
    }
}
