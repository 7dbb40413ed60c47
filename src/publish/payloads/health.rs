//! The payload of `health`.

use serde::Serialize;

use super::fields::Time;
use crate::frame::PictureState;
use crate::meter::Tally;
use crate::meter::cgroup::Pressure;
use crate::meter::process::Resident;
use crate::meter::timing::{Percentiles, StageTimes};
use crate::meter::tree::Held;
use crate::publish::counts::{EventCounts, MessageCounts};
use crate::source::SourceState;

/// The daemon's numbers, the payload of `health`. Counts run since the start; rates and times cover
/// the last interval.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Health<'a> {
    pub(crate) v: u8,
    pub(crate) time: Time,
    /// Seconds since the start.
    pub(crate) uptime_s: u64,
    /// Length of the interval, in seconds.
    pub(crate) interval_s: f64,
    pub(crate) camera: SourceState,
    /// The condition of the pictures; only while the camera streams.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) picture: Option<PictureState>,
    /// Frames a second.
    pub(crate) fps: f64,
    /// Classified frames a second.
    pub(crate) classified_fps: f64,
    /// Frames since the start, undecodable ones included.
    pub(crate) frames: u64,
    /// Classified frames since the start.
    pub(crate) classified: u64,
    /// Classified frames since the start of which damaged parts were filled in.
    pub(crate) filled_in: u64,
    /// Time that each stage took, in milliseconds.
    pub(crate) stages_ms: StageTimes,
    /// What each region cost; absent without regions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) regions: Vec<RegionHealth<'a>>,
    /// Dropped frames and messages, by cause.
    pub(crate) drops: Tally,
    pub(crate) memory: MemoryUse,
    /// The messages of an enabled publisher.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) queue: Option<Queue>,
    /// The events of an enabled publisher.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) outbox: Option<OutboxUse>,
    /// The hottest thermal zone, in degrees Celsius.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) temperature_c: Option<f64>,
    /// The instruction set that the engine uses.
    pub(crate) kernel: &'a str,
    /// SHA-256 of the model, in hex.
    pub(crate) model: &'a str,
    /// SHA-256 of the taught head's file, in hex; `null` with the model's own classifier.
    pub(crate) head: Option<&'a str>,
}

/// What one region cost. Counts run since the start; the time covers the last interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct RegionHealth<'a> {
    /// The region's name.
    pub(crate) name: &'a str,
    /// Inferences.
    pub(crate) inferences: u64,
    /// Frames that the gate found still.
    pub(crate) still: u64,
    /// Frames that were other regions' turn.
    pub(crate) no_turn: u64,
    /// Time of a look with an inference, from the frame's bytes to the state, in milliseconds.
    pub(crate) look_ms: Percentiles,
    /// SHA-256 of the taught head's file, in hex; `null` with the model's own classifier.
    pub(crate) head: Option<&'a str>,
}

/// The memory of the process.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct MemoryUse {
    #[serde(flatten)]
    pub(crate) resident: Resident,
    /// Bytes that are allocated and not freed.
    pub(crate) heap_bytes: i64,
    /// The configured `memory.budget_mb`, in MiB.
    pub(crate) budget_mb: u32,
    /// Limits and pressure of the control group, on systems that have control groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cgroup: Option<Pressure>,
    /// What the program takes that gives the pictures, while one runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) child: Option<Held>,
}

/// The part of the [`MessageCounts`] that `health` publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Queue {
    waiting: u64,
    unacknowledged: u64,
    sent: u64,
    connections: u64,
}

impl From<MessageCounts> for Queue {
    fn from(counts: MessageCounts) -> Self {
        Self {
            waiting: counts.waiting,
            unacknowledged: counts.unacknowledged,
            sent: counts.sent,
            connections: counts.connections,
        }
    }
}

/// What became of the events. Their number is `sent`, `waiting` and `unsent` together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct OutboxUse {
    /// Events since the start, and those that were found on disk then.
    events: u64,
    sent: u64,
    waiting: u64,
    unsent: u64,
    /// Bytes that the waiting ones count, of `outbox.max_bytes`.
    bytes: u64,
    /// Waiting events that are on disk.
    stored: u64,
}

impl From<EventCounts> for OutboxUse {
    fn from(counts: EventCounts) -> Self {
        Self {
            events: counts.published + counts.recovered,
            sent: counts.sent,
            waiting: counts.waiting,
            unsent: counts.unsent,
            bytes: counts.bytes,
            stored: counts.stored,
        }
    }
}

/// A message in which every field is filled in, for tests.
#[cfg(test)]
pub(crate) mod sample {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::publish::payloads::fields::VERSION;

    /// The message.
    pub(crate) fn health() -> Health<'static> {
        let mut drops = Tally::new();
        drops.add("still");
        Health {
            v: VERSION,
            time: Time(UNIX_EPOCH + Duration::from_millis(1_735_732_800_123)),
            uptime_s: 61,
            interval_s: 60.001,
            camera: SourceState::Streaming,
            picture: Some(PictureState::Ok),
            fps: 10.0,
            classified_fps: 0.5,
            frames: 600,
            classified: 30,
            filled_in: 2,
            stages_ms: StageTimes::default(),
            regions: vec![RegionHealth {
                name: "left",
                inferences: 25,
                still: 500,
                no_turn: 75,
                look_ms: Percentiles {
                    p50: 31.5,
                    p95: 40.25,
                    min: 30.0,
                },
                head: None,
            }],
            drops,
            memory: MemoryUse {
                resident: Resident {
                    rss_mb: 40.1,
                    rss_anon_mb: 8.0,
                    rss_peak_mb: 41.0,
                },
                heap_bytes: 5_000_000,
                budget_mb: 48,
                cgroup: Some(Pressure {
                    limit: Some(64 << 20),
                    ..Pressure::default()
                }),
                child: Some(Held {
                    processes: 2,
                    memory_mb: 30.5,
                }),
            },
            queue: Some(Queue::from(MessageCounts {
                sent: 9,
                waiting: 2,
                unacknowledged: 1,
                connections: 3,
                ..MessageCounts::default()
            })),
            outbox: Some(OutboxUse::from(EventCounts {
                published: 6,
                recovered: 1,
                sent: 3,
                waiting: 2,
                unsent: 2,
                bytes: 900,
                stored: 1,
            })),
            temperature_c: Some(48.3),
            kernel: "scalar",
            model: "cafe",
            head: Some("beef"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::sample::health;
    use super::*;

    #[test]
    fn the_fields_are_written_in_their_order() {
        let text = serde_json::to_string(&health()).unwrap();
        let stages = serde_json::to_string(&StageTimes::default()).unwrap();
        let cgroup = serde_json::to_string(&health().memory.cgroup).unwrap();
        assert_eq!(
            text,
            format!(
                concat!(
                    r#"{{"v":1,"time":"2025-01-01T12:00:00.123Z","uptime_s":61,"interval_s":60.001,"#,
                    r#""camera":"streaming","picture":"ok","fps":10.0,"classified_fps":0.5,"#,
                    r#""frames":600,"classified":30,"filled_in":2,"stages_ms":{stages},"#,
                    r#""regions":[{{"name":"left","inferences":25,"still":500,"no_turn":75,"#,
                    r#""look_ms":{{"p50":31.5,"p95":40.25,"min":30.0}},"head":null}}],"drops":{{"still":1}},"#,
                    r#""memory":{{"rss_mb":40.1,"rss_anon_mb":8.0,"rss_peak_mb":41.0,"#,
                    r#""heap_bytes":5000000,"budget_mb":48,"cgroup":{cgroup},"#,
                    r#""child":{{"processes":2,"memory_mb":30.5}}}},"#,
                    r#""queue":{{"waiting":2,"unacknowledged":1,"sent":9,"connections":3}},"#,
                    r#""outbox":{{"events":7,"sent":3,"waiting":2,"unsent":2,"bytes":900,"stored":1}},"#,
                    r#""temperature_c":48.3,"kernel":"scalar","model":"cafe","head":"beef"}}"#,
                ),
                stages = stages,
                cgroup = cgroup,
            )
        );
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let bare = Health {
            picture: None,
            queue: None,
            outbox: None,
            temperature_c: None,
            memory: MemoryUse {
                cgroup: None,
                child: None,
                ..health().memory
            },
            ..health()
        };
        let json = serde_json::to_value(&bare).unwrap();
        for key in [
            "/picture",
            "/queue",
            "/outbox",
            "/temperature_c",
            "/memory/cgroup",
            "/memory/child",
        ] {
            assert!(json.pointer(key).is_none(), "{key}: {json}");
        }
    }
}
