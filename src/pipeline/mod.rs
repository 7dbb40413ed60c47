//! One frame's way from its pixels to what is said, the same for the daemon and for a replay.

pub mod pace;

use std::time::Instant;

use crate::engine::{self, Card, Engine};
use crate::frame::{self, Frame};
use crate::meter::heap;
use crate::meter::timing::Stages;
use crate::observe::{self, Observer, Say};
use crate::vision::{self, Gate, GateReading, Preparer};

/// The stages from vision to observe, with the buffers that each keeps.
pub struct Pipeline {
    preparer: Preparer,
    engine: Box<dyn Engine>,
    observer: Observer,
    gate: Option<Gate>,
    /// Of the last frame that was classified.
    scores: Vec<f32>,
    temperature: f32,
    /// How long each stage took.
    pub stages: Stages,
}

/// Why a frame gave no labels.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The frame is not a picture; the next one may be.
    #[error(transparent)]
    Frame(#[from] frame::Error),
    /// The engine failed; this will not mend itself.
    #[error(transparent)]
    Engine(#[from] engine::Error),
    /// The logits are not numbers; the model or its input is wrong.
    #[error(transparent)]
    Scores(#[from] observe::scores::Error),
}

/// What one frame led to.
pub struct Seen<'a> {
    /// One probability a label.
    pub scores: &'a [f32],
    /// What would be said now, if anything.
    pub say: Option<Say<'a>>,
}

/// What one frame led to that had to pass the gate.
pub struct Watched<'a> {
    /// What the gate made of it, if there is one.
    pub look: Option<GateReading>,
    /// What is to be said now, if anything.
    pub say: Option<Say<'a>>,
}

impl Pipeline {
    /// Puts the stages together for the model of `card`.
    pub fn new(
        vision: &vision::Config,
        observe: &observe::Config,
        card: &Card,
        engine: Box<dyn Engine>,
    ) -> Self {
        Self {
            preparer: Preparer::new(vision, &card.input),
            engine,
            observer: Observer::new(observe, &card.labels),
            gate: None,
            scores: vec![0.0; card.labels.len()],
            temperature: card.temperature,
            stages: Stages::default(),
        }
    }

    /// The same with a gate before it, for [`Pipeline::watch`].
    #[must_use]
    pub fn gated(mut self, gate: Gate) -> Self {
        self.gate = Some(gate);
        self
    }

    /// Takes one frame through all stages, unless the gate finds it not worth an inference. Such a
    /// frame counts as one that scores as the last one did: what is said stays, and is said again
    /// when it is time. The gate stays open while a change is under way. What the frame has on loan
    /// is given back as soon as it was looked at.
    ///
    /// # Errors
    /// As [`Pipeline::step`].
    pub fn watch(&mut self, frame: &mut Frame) -> Result<Watched<'_>, Error> {
        let Some(gate) = &mut self.gate else {
            let say = self.step(frame)?.say;
            return Ok(Watched { look: None, say });
        };
        let start = Instant::now();
        let wanted = !self.observer.settled();
        let look = gate.look(frame.view(), frame.captured.elapsed, wanted);
        if !look.as_ref().is_ok_and(|look| look.open) {
            frame.data.give_back();
        }
        let look = look?;
        self.stages.gate.add(start.elapsed());
        let say = match look.open {
            true => self.step(frame)?.say,
            false => self.observer.step(&self.scores, frame.seq, frame.captured),
        };
        Ok(Watched {
            look: Some(look),
            say,
        })
    }

    /// Takes one frame through all stages. What it has on loan is given back as soon as it was
    /// looked at, before the inference.
    ///
    /// # Errors
    /// [`Error::Frame`] for this frame alone; the others are final.
    pub fn step(&mut self, frame: &mut Frame) -> Result<Seen<'_>, Error> {
        let (start, mut heap) = (Instant::now(), heap::now());
        let input = self.preparer.prepare(frame.view());
        frame.data.give_back();
        let input = input?;
        let prepared = Instant::now();
        self.stages.allocations.vision += heap.since();
        let logits = self.engine.infer(input)?;
        let inferred = Instant::now();
        self.stages.allocations.infer += heap.since();
        observe::scores::softmax(logits, self.temperature, &mut self.scores)?;
        let say = self.observer.step(&self.scores, frame.seq, frame.captured);
        self.stages.allocations.observe += heap.since();
        self.stages.vision.add(prepared - start);
        self.stages.infer.add(inferred - prepared);
        self.stages.observe.add(inferred.elapsed());
        Ok(Seen {
            scores: &self.scores,
            say,
        })
    }

    /// Gives mapped weights back to the system until the next frame; see [`Engine::rest`].
    pub fn rest(&self) {
        self.engine.rest();
    }

    /// What runs the model.
    pub fn engine(&self) -> &engine::Description {
        self.engine.describe()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::engine::{Description, Input, Resize};
    use crate::frame::{Captured, PixelFormat};
    use crate::vision::GateConfig;

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

    fn pipeline(gate: Option<GateConfig>) -> (Pipeline, Arc<AtomicU64>) {
        let card = Card {
            name: "photometer".into(),
            labels: vec!["bright".into(), "dim".into()],
            temperature: 1.0,
            input: Input {
                width: 32,
                height: 32,
                mean: [0.5; 3],
                std: [0.25; 3],
                resize: Resize::Squash,
            },
            sha256: String::new(),
        };
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

    /// What is said at which frame, and its scores.
    fn said(pipeline: &mut Pipeline) -> (Vec<(u64, String)>, Vec<f32>) {
        let (mut all, mut scores) = (Vec::new(), Vec::new());
        for seq in 0..240 {
            if let Some(say) = pipeline.watch(&mut frame(seq)).unwrap().say {
                let statement = say.statement();
                all.push((seq, statement.label.to_string()));
                scores.push(statement.score);
            }
        }
        (all, scores)
    }

    #[test]
    fn with_the_gate_the_same_is_said_at_the_same_frames_for_a_fraction_of_the_inferences() {
        let (mut open, all) = pipeline(None);
        let every = GateConfig {
            glances: 240.0,
            ..GateConfig::default()
        };
        let (mut gated, some) = pipeline(Some(every));
        let (wanted, wanted_scores) = said(&mut open);
        let (got, scores) = said(&mut gated);
        assert_eq!(got, wanted);
        let off = scores.iter().zip(&wanted_scores);
        let off = off.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(off < 0.005, "{off}");
        let changes = wanted.windows(2).filter(|w| w[0].1 != w[1].1).count();
        assert!(changes >= 1 && wanted.len() > 20, "{wanted:?}");
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
        assert_eq!(said(&mut gated).0, said(&mut open).0);
        assert!(
            (6..20).contains(&asked.load(Ordering::Relaxed)),
            "{asked:?}"
        );
    }

    #[test]
    fn a_frame_that_is_no_picture_is_refused_before_the_gate_and_nothing_is_lost() {
        let (mut gated, _) = pipeline(Some(GateConfig::default()));
        let mut cut = frame(0);
        cut.data.own().truncate(100);
        assert!(matches!(gated.watch(&mut cut), Err(Error::Frame(_))));
        assert!(
            gated
                .watch(&mut frame(1))
                .unwrap()
                .look
                .is_some_and(|look| look.open)
        );
    }
}
