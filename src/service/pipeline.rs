//! One frame's way from its pixels to what is said, the same for the daemon and for a replay.

use std::time::Instant;

use crate::engine::{self, Card, Engine};
use crate::frame::{self, Frame};
use crate::observe::{self, Observer, Say};
use crate::service::timing::Stages;
use crate::vision::{self, Preparer};

/// The stages from vision to observe, with the buffers that each keeps.
pub struct Pipeline {
    preparer: Preparer,
    engine: Box<dyn Engine>,
    observer: Observer,
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
            scores: vec![0.0; card.labels.len()],
            temperature: card.temperature,
            stages: Stages::default(),
        }
    }

    /// Takes one frame through all stages.
    ///
    /// # Errors
    /// [`Error::Frame`] for this frame alone; the others are final.
    pub fn step(&mut self, frame: &Frame) -> Result<Seen<'_>, Error> {
        let start = Instant::now();
        let input = self.preparer.prepare(frame.view())?;
        let prepared = Instant::now();
        let logits = self.engine.infer(input)?;
        let inferred = Instant::now();
        observe::scores::softmax(logits, self.temperature, &mut self.scores)?;
        let say = self.observer.step(&self.scores, frame.seq, frame.captured);
        self.stages.vision.add(prepared - start);
        self.stages.infer.add(inferred - prepared);
        self.stages.observe.add(inferred.elapsed());
        Ok(Seen {
            scores: &self.scores,
            say,
        })
    }

    /// What runs the model.
    pub fn engine(&self) -> &engine::Description {
        self.engine.describe()
    }
}
