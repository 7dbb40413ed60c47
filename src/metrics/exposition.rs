//! Prometheus' text format.

use std::fmt::Write;

use serde_json::Value;

use super::catalogue::{ENTRIES, Kind};
use crate::publish::Health;

/// What a file says beside the numbers of `health`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Beside<'a> {
    /// The instance's id.
    pub(super) id: &'a str,
    /// Seconds since 1970.
    pub(super) time: f64,
    /// Files that could not be written since the start.
    pub(super) failures: u64,
}

/// The numbers of `health` as text, each with the instance's id.
pub(super) fn text(health: &Health<'_>, beside: Beside<'_>) -> String {
    let json = serde_json::to_value(health).unwrap_or_default();
    let mut page = Page::new(beside.id);
    let word = |key: &str| json.get(key).and_then(Value::as_str).unwrap_or_default();
    page.family(
        "goldcrest_info",
        Kind::Gauge,
        "The program, its model and its taught head; the value is 1.",
    );
    page.sample(
        &[
            ("version", env!("CARGO_PKG_VERSION")),
            ("kernel", word("kernel")),
            ("model", word("model")),
            ("head", word("head")),
        ],
        1.0,
    );
    page.family(
        "goldcrest_time_seconds",
        Kind::Gauge,
        "When these numbers were taken, since 1970.",
    );
    page.sample(&[], beside.time);
    page.family(
        "goldcrest_textfile_failures_total",
        Kind::Counter,
        "Times that this file could not be written.",
    );
    page.sample(&[], beside.failures as f64);
    page.family(
        "goldcrest_camera_streaming",
        Kind::Gauge,
        "Whether the camera delivers pictures.",
    );
    page.sample(&[], f64::from(word("camera") == "streaming"));
    // While the camera is lost nothing is known of pictures, and nothing is 1.
    page.family(
        "goldcrest_picture",
        Kind::Gauge,
        "1 for the state that the pictures are in.",
    );
    for state in ["ok", "dark", "stuck"] {
        page.sample(&[("state", state)], f64::from(word("picture") == state));
    }
    for entry in &ENTRIES {
        if let Some(number) = json.pointer(entry.pointer).and_then(Value::as_f64) {
            page.family(entry.name, entry.kind, entry.help);
            page.sample(&[], number * entry.factor);
        }
    }
    page.family(
        "goldcrest_dropped_total",
        Kind::Counter,
        "Frames that were not classified and messages that were lost, by cause.",
    );
    for (cause, count) in entries(&json, "drops") {
        page.sample(&[("cause", cause)], count.as_f64().unwrap_or_default());
    }
    page.stages(&json);
    page.regions(&json);
    page.0
}

/// The fields of the object at `key`.
fn entries<'j>(json: &'j Value, key: &str) -> impl Iterator<Item = (&'j str, &'j Value)> {
    let fields = json.get(key).and_then(Value::as_object);
    fields
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.as_str(), value))
}

/// The counters of each region: family, key in the payload, help.
const REGIONS: [(&str, &str, &str); 3] = [
    (
        "goldcrest_region_inferences_total",
        "inferences",
        "Inferences of a region.",
    ),
    (
        "goldcrest_region_still_frames_total",
        "still",
        "Frames in which the gate found the region still.",
    ),
    (
        "goldcrest_region_no_turn_frames_total",
        "no_turn",
        "Frames that were other regions' turn.",
    ),
];

/// The text, with the label of the id and the name of the present family.
struct Page(String, String, &'static str);

impl Page {
    fn new(id: &str) -> Self {
        Self(String::with_capacity(8 << 10), label("id", id), "")
    }

    /// Begins a family of samples.
    fn family(&mut self, name: &'static str, kind: Kind, help: &str) {
        let kind = kind.name();
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        self.2 = name;
    }

    /// Adds a sample of the present family.
    fn sample(&mut self, labels: &[(&str, &str)], value: f64) {
        let _ = write!(self.0, "{}{{{}", self.2, self.1);
        for (name, text) in labels {
            let _ = write!(self.0, ",{}", label(name, text));
        }
        let _ = writeln!(self.0, "}} {value}");
    }

    /// What each region cost. Nothing without regions.
    fn regions(&mut self, json: &Value) {
        let regions = json.get("regions").and_then(Value::as_array);
        let regions: Vec<(&str, &Value)> = regions
            .into_iter()
            .flatten()
            .filter_map(|region| Some((region.get("name")?.as_str()?, region)))
            .collect();
        if regions.is_empty() {
            return;
        }
        for (family, key, help) in REGIONS {
            self.family(family, Kind::Counter, help);
            for (name, region) in &regions {
                if let Some(count) = region.get(key).and_then(Value::as_f64) {
                    self.sample(&[("region", name)], count);
                }
            }
        }
        self.family(
            "goldcrest_region_look_seconds",
            Kind::Gauge,
            "Time of a look with an inference over the last interval: the least, the median, the 95th percentile.",
        );
        for (name, region) in &regions {
            for key in ["min", "p50", "p95"] {
                let time = region.pointer(&format!("/look_ms/{key}"));
                if let Some(ms) = time.and_then(Value::as_f64) {
                    self.sample(&[("region", name), ("statistic", key)], ms / 1e3);
                }
            }
        }
    }

    /// The times of the stages, in seconds.
    fn stages(&mut self, json: &Value) {
        let seconds = |times: &Value, key: &str| times.get(key)?.as_f64().map(|ms| ms / 1e3);
        self.family(
            "goldcrest_stage_seconds",
            Kind::Gauge,
            "Time of a stage over the last interval: the least, the median, the 95th percentile.",
        );
        for (stage, times) in entries(json, "stages_ms") {
            // Prometheus reserves `quantile` for summaries, which have sums and counts.
            for key in ["min", "p50", "p95"] {
                if let Some(time) = seconds(times, key) {
                    self.sample(&[("stage", stage), ("statistic", key)], time);
                }
            }
        }
    }
}

/// A label with its value.
fn label(name: &str, value: &str) -> String {
    let value = value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    format!("{name}=\"{value}\"")
}

#[cfg(test)]
mod tests;
