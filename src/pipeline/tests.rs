use std::fmt::Display;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use super::*;
use crate::engine::{Description, HexDigest, Labels, Output, Resize};
use crate::frame::{Captured, PixelFormat};
use crate::observe::Rule;
use crate::vision::{GateConfig, GateReading};

mod heads;
mod regions;

/// Sees "bright" or "dim", and counts how often it is asked.
struct Photometer {
    logits: [f32; 2],
    described: Description,
    asked: Arc<AtomicU64>,
}

impl Engine for Photometer {
    fn infer(&mut self, input: &[f32]) -> Result<&[f32], engine::Error> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let mean = input.iter().sum::<f32>() / input.len() as f32;
        self.logits = [4.0 * mean, -4.0 * mean];
        Ok(&self.logits)
    }

    fn describe(&self) -> &Description {
        &self.described
    }
}

fn card() -> Card {
    Card {
        folder: "".into(),
        name: "photometer".into(),
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
    }
}

fn pipeline(gate: Option<GateConfig>) -> (Pipeline, Arc<AtomicU64>) {
    let card = card();
    let asked = Arc::new(AtomicU64::new(0));
    let engine = Photometer {
        logits: [0.0; 2],
        described: Description::default(),
        asked: Arc::clone(&asked),
    };
    let (vision, observe) = (
        vision::Config::default(),
        observe::Config {
            heartbeat: 1.0,
            smoothing: 1.0,
            ..observe::Config::default()
        },
    );
    let pipeline = Pipeline::new(&vision, &observe, &card, Box::new(engine));
    let gate = gate.map(|config| Gate::new(&config, &vision, &card.input));
    (
        match gate {
            Some(gate) => pipeline.gated(gate),
            None => pipeline,
        },
        asked,
    )
}

/// Ten a second of a room in which the light goes out after twelve seconds, with a noisy pixel.
fn frame(seq: u64) -> Frame {
    let elapsed = Duration::from_millis(100 * seq);
    let level = if seq < 120 { 200 } else { 60 };
    let mut data = vec![level; 64 * 64];
    data[7] += (seq % 4) as u8;
    Frame {
        format: PixelFormat::Grey,
        width: 64,
        height: 64,
        stride: 64,
        data: data.into(),
        seq,
        captured: Captured {
            elapsed,
            wall: SystemTime::UNIX_EPOCH + elapsed,
        },
        ..Frame::empty()
    }
}

/// Remembers the updates with their frames, and what the gate found.
#[derive(Default)]
struct Collected {
    labels: Vec<(u64, String)>,
    scores: Vec<f32>,
    gates: Vec<Option<GateReading>>,
    bad: u64,
}

impl Listener for Collected {
    fn outcome(&mut self, outcome: &Outcome<'_>, _: &mut Stages) -> io::Result<()> {
        self.gates.push(outcome.gate);
        if let Some(update) = &outcome.update {
            let statement = update.statement();
            self.labels
                .push((outcome.frame.seq, statement.label.to_string()));
            self.scores.extend(statement.score);
        }
        Ok(())
    }

    fn bad_frame(&mut self, _: &Frame, _: &'static str, _: &dyn Display) -> io::Result<()> {
        self.bad += 1;
        Ok(())
    }
}

/// Takes all frames of the scene through `pipeline`.
fn collect(pipeline: &mut Pipeline) -> Collected {
    let mut collected = Collected::default();
    for seq in 0..240 {
        pipeline
            .process(&mut frame(seq), &mut [&mut collected])
            .unwrap();
    }
    collected
}

#[test]
fn a_gate_changes_no_update_and_saves_most_inferences() {
    let (mut open, all) = pipeline(None);
    let every = GateConfig {
        glances: 240.0,
        ..GateConfig::default()
    };
    let (mut gated, some) = pipeline(Some(every));
    let (wanted, got) = (collect(&mut open), collect(&mut gated));
    assert_eq!(got.labels, wanted.labels);
    let off = got.scores.iter().zip(&wanted.scores);
    let off = off.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(off < 0.005, "{off}");
    let changes = wanted.labels.windows(2).filter(|w| w[0].1 != w[1].1);
    assert!(changes.count() >= 1, "{:?}", wanted.labels);
    assert!(wanted.labels.len() > 20, "{:?}", wanted.labels);
    let (all, some) = (all.load(Ordering::Relaxed), some.load(Ordering::Relaxed));
    assert_eq!(all, 240);
    assert!(some < 80, "{some} inferences");
    assert!(gated.stages.gate.percentiles().p50 > 0.0);
}

#[test]
fn the_gate_stays_open_while_a_change_is_under_way() {
    // Without a hold it would close before three frames agreed.
    let config = GateConfig {
        hold: 0.0,
        glances: 240.0,
        max_interval: 1000.0,
        ..GateConfig::default()
    };
    let (mut gated, asked) = pipeline(Some(config));
    let (mut open, _) = pipeline(None);
    assert_eq!(collect(&mut gated).labels, collect(&mut open).labels);
    assert!(
        (6..20).contains(&asked.load(Ordering::Relaxed)),
        "{asked:?}"
    );
}

/// Remembers which frames may change the state, and which did.
#[derive(Default)]
struct Foreseen {
    near: Vec<u64>,
    changed: Vec<u64>,
}

impl Listener for Foreseen {
    fn frame(&mut self, frame: &Frame, near: bool) {
        assert!(!frame.data.is_empty());
        self.near.extend(near.then_some(frame.seq));
    }

    fn outcome(&mut self, outcome: &Outcome<'_>, _: &mut Stages) -> io::Result<()> {
        let change = matches!(outcome.update, Some(observe::Update::Change { .. }));
        self.changed.extend(change.then_some(outcome.frame.seq));
        Ok(())
    }
}

#[test]
fn few_frames_may_change_the_state_and_all_that_do_are_among_them() {
    let (mut gated, _) = pipeline(Some(GateConfig::default()));
    let mut foreseen = Foreseen::default();
    for seq in 0..240 {
        gated
            .process(&mut frame(seq), &mut [&mut foreseen])
            .unwrap();
    }
    let Foreseen { near, changed } = foreseen;
    assert!(changed.len() >= 2, "{changed:?}");
    assert!(changed.iter().all(|seq| near.contains(seq)), "{near:?}");
    assert!(near.len() < 12, "{near:?}");
}

#[test]
fn a_bad_frame_is_passed_over_and_the_next_one_is_classified() {
    let (mut gated, asked) = pipeline(Some(GateConfig::default()));
    let (mut totals, mut collected) = (Totals::default(), Collected::default());
    let mut cut = frame(0);
    cut.data.own().truncate(100);
    for frame in [&mut cut, &mut frame(1)] {
        gated
            .process(frame, &mut [&mut totals, &mut collected])
            .unwrap();
    }
    assert_eq!((collected.bad, collected.gates.len()), (1, 1));
    assert!(collected.gates[0].is_some_and(|look| look.open));
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    assert_eq!((totals.seen(), totals.classified, totals.still), (2, 1, 0));
    assert_eq!(totals.bad.total(), 1);
}

#[test]
fn each_still_is_judged_by_its_own_scores() {
    let (pipeline, _) = pipeline(None);
    let mut pipeline = pipeline.stills();
    let mut collected = Collected::default();
    let mut expected = Vec::new();
    for (seq, level, label) in [
        (0, 200, "bright"),
        (1, 60, "dim"),
        (2, 128, "unknown"),
        (3, 200, "bright"),
        (4, 128, "unknown"),
    ] {
        let mut still = frame(seq);
        still.data = vec![level; 64 * 64].into();
        pipeline.process(&mut still, &mut [&mut collected]).unwrap();
        expected.push((seq, label.to_string()));
    }
    assert_eq!(collected.labels, expected);
}

/// The labels that these frames lead to, each with its frame's number.
fn labels_of(pipeline: &mut Pipeline, frames: std::ops::Range<u64>) -> Vec<(u64, String)> {
    let mut collected = Collected::default();
    for seq in frames {
        pipeline
            .process(&mut frame(seq), &mut [&mut collected])
            .unwrap();
    }
    collected.labels
}

#[test]
fn a_blind_pipeline_has_no_updates_and_then_the_label_returns() {
    let (mut pipeline, _) = pipeline(Some(GateConfig::default()));
    assert_eq!(labels_of(&mut pipeline, 0..5), [(2, "bright".into())]);
    pipeline.set_blind(true);
    assert_eq!(labels_of(&mut pipeline, 5..30), []);
    pipeline.set_blind(false);
    assert_eq!(labels_of(&mut pipeline, 30..35), [(32, "bright".into())]);
}

#[test]
fn an_output_that_cannot_be_written_ends_the_run() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (mut pipeline, _) = pipeline(None);
    let mut lines = JsonLines::new(Full, io::sink(), 1, false, false);
    let ended = pipeline.process(&mut frame(0), &mut [&mut lines]);
    assert!(
        matches!(ended, Err(Error::Output(e)) if e.kind() == io::ErrorKind::StorageFull),
        "the error is passed on"
    );
}

#[test]
fn a_json_line_holds_the_frame_its_labels_and_the_state() {
    let (mut pipeline, _) = pipeline(None);
    let (mut out, mut errors) = (Vec::new(), Vec::new());
    let mut lines = JsonLines::new(&mut out, &mut errors, 2, true, false);
    for seq in 0..3 {
        let mut frame = frame(seq);
        frame.name = format!("frames/{seq}.png");
        pipeline.process(&mut frame, &mut [&mut lines]).unwrap();
    }
    let bad = crate::frame::Error::Truncated;
    pass_over(&frame(3), bad.cause(), &bad, &mut [&mut lines]).unwrap();
    lines.flush().unwrap();
    let lines: Vec<serde_json::Value> = [out, errors]
        .concat()
        .split(|&b| b == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[1]["time"], 0.1);
    assert_eq!(lines[3]["seq"], 3);
    assert_eq!(lines[3]["error"], bad.to_string());
    assert_eq!(lines[1]["seq"], 1);
    assert_eq!(lines[1]["source"], "1.png");
    assert_eq!(lines[1]["label"], "bright");
    assert_eq!(lines[1]["top"][1]["label"], "dim");
    assert!(lines[1]["state"].is_null());
    assert_eq!(lines[2]["state"]["label"], "bright");
}

/// Answers every frame with the same scores of ten labels, by themselves or of a softmax.
struct Fixed {
    scores: [f32; 10],
    described: Description,
}

impl Engine for Fixed {
    fn infer(&mut self, _: &[f32]) -> Result<&[f32], engine::Error> {
        Ok(&self.scores)
    }

    fn describe(&self) -> &Description {
        &self.described
    }
}

#[test]
fn scores_of_a_sigmoid_are_claimed_however_they_are_spread() {
    for (output, label) in [(Output::Sigmoid, "label 0"), (Output::Softmax, "unknown")] {
        let mut scores = [0.3; 10];
        scores[0] = 0.9;
        let engine = Fixed {
            scores,
            described: Description {
                output,
                ..Description::default()
            },
        };
        let card = Card {
            folder: "".into(),
            name: "fixed".into(),
            labels: Labels::new((0..10).map(|n| format!("label {n}")).collect()).unwrap(),
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
        let (vision, observe) = (vision::Config::default(), observe::Config::default());
        let mut pipeline = Pipeline::new(&vision, &observe, &card, Box::new(engine));
        let labels = collect(&mut pipeline).labels;
        assert_eq!(labels[0].1, label, "{output}");
    }
}
