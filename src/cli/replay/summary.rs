//! The summary at the end of a replay.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use super::kind::Kind;
use crate::escape::OneLine;
use crate::meter::process;
use crate::meter::timing::Stages;
use crate::observe::Update;
use crate::pipeline::{Listener, Outcome, Pipeline, Totals};

/// Counts classified frames by the label that was published at the time: once, or for each region.
pub(super) struct Labels {
    unknown: String,
    looks: Vec<Counted>,
}

/// What is counted of one look.
#[derive(Default)]
struct Counted {
    region: Option<String>,
    current: String,
    frames: BTreeMap<String, u64>,
}

impl Labels {
    /// Starts with the label `unknown`.
    pub fn new(unknown: &str) -> Self {
        Self {
            unknown: unknown.into(),
            looks: Vec::new(),
        }
    }
}

impl Listener for Labels {
    fn outcome(&mut self, outcome: &Outcome<'_>, _: &mut Stages) -> io::Result<()> {
        while self.looks.len() <= outcome.place {
            self.looks.push(Counted {
                current: self.unknown.clone(),
                ..Counted::default()
            });
        }
        let look = &mut self.looks[outcome.place];
        if look.region.as_deref() != outcome.hashes.region {
            look.region = outcome.hashes.region.map(Into::into);
        }
        if let Some(Update::Change { statement, .. }) = &outcome.update {
            look.current.clear();
            look.current.push_str(statement.label);
        }
        match look.frames.get_mut(&look.current) {
            Some(frames) => *frames += 1,
            None => drop(look.frames.insert(look.current.clone(), 1)),
        }
        Ok(())
    }
}

/// The summary: frames, labels, times, memory.
pub(super) fn text(
    kind: Kind<'_>,
    totals: &Totals,
    labels: &Labels,
    pipeline: &Pipeline,
    took: Duration,
) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut text, kind, totals, labels, pipeline, took);
    text
}

fn write(
    text: &mut String,
    kind: Kind<'_>,
    totals: &Totals,
    labels: &Labels,
    pipeline: &Pipeline,
    took: Duration,
) -> std::fmt::Result {
    let times = pipeline.stages.times();
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
    for look in &labels.looks {
        let mut by_frames: Vec<_> = look.frames.iter().collect();
        by_frames.sort_by(|a, b| b.1.cmp(a.1));
        for (i, (label, frames)) in by_frames.into_iter().enumerate() {
            let head = match &look.region {
                _ if i > 0 => "",
                Some(region) => region,
                None => "labels",
            };
            let noun = kind.noun(*frames);
            write!(text, "\n{head:<8}  {} for {frames} {noun}", OneLine(label))?;
        }
    }
    for look in pipeline.looks() {
        let (Some(region), Some(cost)) = (look.hashes.region, look.cost) else {
            continue;
        };
        let (inferences, took) = (cost.inferences, cost.times.percentiles());
        let (p50, p95) = (took.p50, took.p95);
        write!(
            text,
            "\n{region:<8}  {inferences} inferences, p50 {p50:.2} ms, p95 {p95:.2} ms"
        )?;
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
