//! How the daemon is: rates, times, drops by cause, memory, said from time to time on the topic
//! `health`.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};

use crate::misfit::{Misfit, within};

use crate::engine::Description;
use crate::frame::PictureState;
use crate::memory::Reading;
use crate::meter::Tally;
use crate::meter::cgroup::Pressure;
use crate::meter::heap;
use crate::meter::process::{self, Resident};
use crate::meter::timing::StageTimes;
use crate::publish::{self, Publisher, Time};
use crate::source::SourceState;

/// Where the kernel shows temperatures.
const THERMAL: &str = "/sys/class/thermal";

/// Section `[health]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Seconds from one message to the next, 1 to 86400.
    pub interval: f64,
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
    /// The key and what is allowed.
    pub fn check(&self) -> Result<(), Misfit> {
        within("interval", self.interval, 1.0..=86400.0, "seconds")
    }
}

/// Frames since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frames {
    /// Looked at, those that were no picture among them.
    pub seen: u64,
    /// Classified.
    pub classified: u64,
}

/// What is known at one moment.
pub struct Now<'a> {
    /// Frames since the start.
    pub frames: Frames,
    /// What was dropped since the start, by cause.
    pub drops: Tally,
    /// Whether pictures come.
    pub camera: SourceState,
    /// Whether they show anything.
    pub picture: PictureState,
    /// What runs the model.
    pub engine: &'a Description,
    /// The broker, if there is one.
    pub publisher: Option<&'a Publisher>,
    /// What the guard saw of the memory.
    pub memory: Reading,
}

/// Knows when a report is due, and what was at the last one.
#[derive(Debug)]
pub struct Health {
    every: Duration,
    begun: Instant,
    last: Instant,
    frames: Frames,
}

/// The payload of `health`. What is counted is counted since the start; rates and times are of the
/// last interval.
#[derive(Serialize)]
struct Report<'a> {
    v: u8,
    time: Time,
    uptime_s: u64,
    interval_s: f64,
    camera: SourceState,
    #[serde(skip_serializing_if = "Option::is_none")]
    picture: Option<PictureState>,
    fps: f64,
    classified_fps: f64,
    frames: u64,
    classified: u64,
    stages_ms: StageTimes,
    drops: &'a Tally,
    memory: Memory,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<Queue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature_c: Option<f64>,
    kernel: &'a str,
    model: &'a str,
}

#[derive(Serialize)]
struct Memory {
    #[serde(flatten)]
    resident: Resident,
    /// Bytes that are allocated and not freed.
    heap_bytes: i64,
    /// `memory.budget_mb`.
    budget_mb: u32,
    /// What the system allows, where it has control groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    cgroup: Option<Pressure>,
}

/// How the messages stand.
#[derive(Serialize)]
struct Queue {
    waiting: u64,
    unacknowledged: u64,
    sent: u64,
    connections: u64,
}

impl Health {
    /// Begins to count.
    pub fn new(config: &Config) -> Self {
        let now = Instant::now();
        Self {
            every: Duration::try_from_secs_f64(config.interval).unwrap_or(Duration::MAX),
            begun: now,
            last: now,
            frames: Frames::default(),
        }
    }

    /// Whether it is time for a report.
    pub fn due(&self) -> bool {
        self.last.elapsed() >= self.every
    }

    /// Writes the report, with what the stages took since the last one.
    pub fn report(&mut self, now: &Now<'_>, stages: StageTimes) -> String {
        let interval = self.last.elapsed().as_secs_f64().max(1e-3);
        let rate = |now: u64, then: u64| ((now - then) as f64 / interval * 100.0).round() / 100.0;
        let report = Report {
            v: publish::VERSION,
            time: Time(SystemTime::now()),
            uptime_s: self.begun.elapsed().as_secs(),
            interval_s: (interval * 1000.0).round() / 1000.0,
            camera: now.camera,
            picture: (now.camera == SourceState::Streaming).then_some(now.picture),
            fps: rate(now.frames.seen, self.frames.seen),
            classified_fps: rate(now.frames.classified, self.frames.classified),
            frames: now.frames.seen,
            classified: now.frames.classified,
            stages_ms: stages,
            drops: &now.drops,
            memory: Memory {
                resident: process::resident(),
                heap_bytes: heap::now().live,
                budget_mb: now.memory.budget_mb,
                cgroup: now.memory.pressure,
            },
            queue: now.publisher.map(|publisher| {
                let counts = publisher.counts();
                Queue {
                    waiting: counts.waiting,
                    unacknowledged: counts.unacknowledged,
                    sent: counts.sent,
                    connections: counts.connections,
                }
            }),
            temperature_c: temperature(Path::new(THERMAL)),
            kernel: &now.engine.kernel,
            model: &now.engine.model_hash,
        };
        self.last = Instant::now();
        self.frames = now.frames;
        // Numbers and text alone cannot fail to be written.
        serde_json::to_string(&report).unwrap_or_default()
    }
}

/// The hottest of the zones that the kernel shows, in degrees Celsius.
fn temperature(folder: &Path) -> Option<f64> {
    let zones = fs::read_dir(folder).ok()?.flatten();
    let degrees = zones.filter_map(|zone| {
        let text = fs::read_to_string(zone.path().join("temp")).ok()?;
        let degrees = text.trim().parse::<f64>().ok()? / 1000.0;
        // A zone without a sensor says 0 or nonsense.
        (degrees > 0.0 && degrees < 200.0).then_some(degrees)
    });
    let hottest = degrees.fold(0.0, f64::max);
    (hottest > 0.0).then_some((hottest * 10.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meter::timing::Stages;

    #[test]
    fn a_report_holds_rates_of_its_interval_and_counts_since_the_start() {
        let mut health = Health::new(&Config { interval: 1.0 });
        assert!(!health.due());
        health.last = Instant::now() - Duration::from_secs(2);
        health.frames = Frames {
            seen: 80,
            classified: 60,
        };
        assert!(health.due());
        let mut drops = Tally::new();
        drops.add("still");
        let engine = Description {
            kernel: "scalar".into(),
            model_hash: "cafe".into(),
            ..Description::default()
        };
        let now = Now {
            frames: Frames {
                seen: 100,
                classified: 61,
            },
            drops,
            camera: SourceState::Streaming,
            picture: PictureState::Dark,
            engine: &engine,
            publisher: None,
            memory: Reading {
                budget_mb: 48,
                ..Reading::default()
            },
        };
        let mut stages = Stages::default();
        stages.latency.add(Duration::from_millis(20));
        let text = health.report(&now, stages.times());
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["v"], 1);
        assert!((json["fps"].as_f64().unwrap() - 10.0).abs() < 1.0, "{text}");
        assert!(json["classified_fps"].as_f64().unwrap() <= 0.5, "{text}");
        assert_eq!(
            (&json["frames"], &json["classified"]),
            (&100.into(), &61.into())
        );
        assert_eq!(json["drops"]["still"], 1);
        assert_eq!(
            (&json["camera"], &json["picture"]),
            (&"streaming".into(), &"dark".into())
        );
        assert!(json["stages_ms"]["latency"]["p50"].as_f64().unwrap() > 19.0);
        assert!(json["memory"]["rss_anon_mb"].is_number(), "{text}");
        assert_eq!(json["memory"]["budget_mb"], 48);
        assert!(json["memory"]["heap_bytes"].as_i64().unwrap() > 0);
        assert_eq!(json["kernel"], "scalar");
        assert!(json.get("queue").is_none());
        assert!(!health.due());
    }

    #[test]
    fn the_hottest_zone_counts_and_nonsense_does_not() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(temperature(&folder.path().join("none")), None);
        assert_eq!(temperature(folder.path()), None);
        for (zone, text) in [
            ("a", "41200\n"),
            ("b", "48312\n"),
            ("c", "-274000\n"),
            ("d", "x"),
        ] {
            let zone = folder.path().join(zone);
            fs::create_dir(&zone).unwrap();
            fs::write(zone.join("temp"), text).unwrap();
        }
        assert_eq!(temperature(folder.path()), Some(48.3));
    }

    #[test]
    fn an_interval_out_of_its_range_is_named() {
        assert_eq!(Config::default().check(), Ok(()));
        for interval in [0.5, 100_000.0, f64::NAN] {
            assert_eq!(Config { interval }.check().unwrap_err().key, "interval");
        }
    }
}
