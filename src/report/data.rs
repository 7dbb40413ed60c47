//! The data of the page, as JSON that other programs and later reports read.

use serde::Serialize;

use super::about::{About, Ended};
use super::confusion::Table;
use super::gather::Gathered;
use super::lines::{Form, Lines};
use crate::escape;
use crate::meter::Tally;
use crate::meter::timing::StageTimes;
use crate::observe;

#[derive(Serialize)]
struct Data<'a> {
    v: u32,
    goldcrest: &'a str,
    made: &'a str,
    command: &'a str,
    recording: &'a str,
    name: &'a str,
    stills: bool,
    verdict: &'a str,
    frames_seen: u64,
    seconds: f64,
    changes: u64,
    passed_over: &'a Tally,
    filled_in: u64,
    took_s: f64,
    model: &'a str,
    head: Option<&'a str>,
    kernel: &'a str,
    threads: usize,
    rule: Rule,
    stages_ms: StageTimes,
    peak_mb: f64,
    accuracy: Option<Accuracy>,
    labels: Vec<Label<'a>>,
    /// Index in `labels`, first and last frame, start and end in seconds.
    runs: Vec<(usize, u64, u64, f64, f64)>,
    runs_left_out: u64,
    frames_form: Form,
}

#[derive(Serialize)]
struct Rule {
    threshold: f32,
    release: f32,
    margin: f32,
    spread: f32,
}

#[derive(Serialize)]
struct Accuracy {
    right: u64,
    of: u64,
    interval: [f64; 2],
    balanced: f64,
}

#[derive(Serialize)]
struct Label<'a> {
    label: &'a str,
    unknown: bool,
    frames: u64,
    seconds: f64,
}

/// The data as one JSON object that may stand in a script element.
pub(super) fn json(
    gathered: &Gathered,
    ended: &Ended<'_>,
    table: Option<&Table>,
    verdict: &str,
    lines: &Lines,
) -> String {
    let data = data(gathered, ended, table, verdict, lines.form());
    let mut head = escape::json(&data)
        .unwrap_or_default()
        .replace('<', "\\u003c");
    // The lines of the frames are JSON already.
    head.pop();
    let frames = lines.text();
    format!("{head},\"frames\":[\n{frames}\n]}}")
}

fn rule(rule: observe::Rule) -> Rule {
    Rule {
        threshold: rule.threshold,
        release: rule.release,
        margin: rule.margin,
        spread: rule.spread,
    }
}

fn data<'a>(
    gathered: &'a Gathered,
    ended: &'a Ended<'_>,
    table: Option<&Table>,
    verdict: &'a str,
    frames_form: Form,
) -> Data<'a> {
    let about: &About = &gathered.about;
    let labels = gathered.labels();
    let round = |seconds: f64| (seconds * 1e3).round() / 1e3;
    let index = |label| labels.iter().position(|(other, _)| *other == label);
    Data {
        v: 1,
        goldcrest: &about.version,
        made: &about.made,
        command: &about.command,
        recording: &about.recording,
        name: &about.name,
        stills: about.stills,
        verdict,
        frames_seen: gathered.frames,
        seconds: round(gathered.seconds()),
        changes: gathered.runs.changes(),
        passed_over: ended.passed_over,
        filled_in: ended.filled_in,
        took_s: round(ended.took.as_secs_f64()),
        model: &about.model.sha256,
        head: about.head.as_ref().map(|head| head.sha256.as_str()),
        kernel: &about.kernel,
        threads: about.threads,
        rule: rule(about.rule),
        stages_ms: ended.stages.times(),
        peak_mb: ended.peak_mib,
        accuracy: table.map(|table| Accuracy {
            right: table.right,
            of: table.pictures,
            interval: table.interval,
            balanced: table.balanced,
        }),
        runs: gathered
            .runs
            .runs
            .iter()
            .filter_map(|run| {
                let label = index(run.label)?;
                Some((label, run.from, run.to, round(run.start), round(run.end)))
            })
            .collect(),
        labels: labels
            .iter()
            .map(|(label, share)| Label {
                label: about.label(*label),
                unknown: label.is_none(),
                frames: share.frames,
                seconds: round(share.seconds),
            })
            .collect(),
        runs_left_out: gathered.runs.left_out,
        frames_form,
    }
}
