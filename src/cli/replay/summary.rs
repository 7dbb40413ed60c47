//! The summary at the end of a replay.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use super::kind::Kind;
use crate::escape::OneLine;
use crate::meter::process;
use crate::meter::timing::{StageTimes, Stages};
use crate::observe::Update;
use crate::pipeline::{Listener, Outcome, Totals};

/// Counts classified frames by the label that was published at the time.
pub(super) struct Labels {
    current: String,
    frames: BTreeMap<String, u64>,
}

impl Labels {
    /// Starts with the label `unknown`.
    pub fn new(unknown: &str) -> Self {
        Self {
            current: unknown.into(),
            frames: BTreeMap::new(),
        }
    }
}

impl Listener for Labels {
    fn outcome(&mut self, outcome: &Outcome<'_>, _: &mut Stages) -> io::Result<()> {
        if let Some(Update::Change { statement, .. }) = &outcome.update {
            self.current.clear();
            self.current.push_str(statement.label);
        }
        match self.frames.get_mut(&self.current) {
            Some(frames) => *frames += 1,
            None => drop(self.frames.insert(self.current.clone(), 1)),
        }
        Ok(())
    }
}

/// The summary: frames, labels, times, memory.
pub(super) fn text(
    kind: Kind<'_>,
    totals: &Totals,
    labels: &Labels,
    times: &StageTimes,
    took: Duration,
) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut text, kind, totals, labels, times, took);
    text
}

fn write(
    text: &mut String,
    kind: Kind<'_>,
    totals: &Totals,
    labels: &Labels,
    times: &StageTimes,
    took: Duration,
) -> std::fmt::Result {
    let seconds = took.as_secs_f64();
    let frames = totals.classified;
    let rate = frames as f64 / seconds;
    write!(
        text,
        "{:<8}  {frames} in {seconds:.1} s ({rate:.1} a second)",
        kind.noun(0)
    )?;
    if totals.bad.total() > 0 {
        write!(
            text,
            ", {} passed over ({})",
            totals.bad.total(),
            totals.bad
        )?;
    }
    if totals.filled_in > 0 {
        let n = totals.filled_in;
        write!(text, "\n          {n} frames had damaged parts filled in")?;
    }
    let mut by_frames: Vec<_> = labels.frames.iter().collect();
    by_frames.sort_by(|a, b| b.1.cmp(a.1));
    for (i, (label, frames)) in by_frames.into_iter().enumerate() {
        let head = if i == 0 { "labels" } else { "" };
        let noun = kind.noun(*frames);
        write!(text, "\n{head:<8}  {} for {frames} {noun}", OneLine(label))?;
    }
    let publish = (times.publish.p50 > 0.0).then_some(("publish", times.publish));
    let stages = [
        ("vision", times.vision),
        ("infer", times.infer),
        ("observe", times.observe),
    ];
    for (name, stage) in stages.into_iter().chain(publish) {
        let (p50, p95) = (stage.p50, stage.p95);
        write!(text, "\n{name:<8}  p50 {p50:.2} ms, p95 {p95:.2} ms")?;
    }
    let memory = process::resident();
    write!(
        text,
        "\nmemory    peak {:.1} MiB, now {:.1} MiB of it {:.1} anonymous",
        memory.rss_peak_mb, memory.rss_mb, memory.rss_anon_mb
    )
}
