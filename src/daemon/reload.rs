//! Another model under the running daemon.
//!
//! It is mapped, verified and tried before it takes the place of the current one. If anything is
//! wrong with it, the current model keeps running.

use std::path::{Path, PathBuf};

use crate::engine::{self, Card, Classifier, Engine, Memory};
use crate::memory::{self, Guard};
use crate::pipeline::Pipeline;
use crate::signals::Reload;
use crate::{observe, vision};

/// Loads the model again when it is asked to.
pub struct Reloader {
    /// Set by SIGHUP.
    pub requested: Reload,
    /// The ONNX file or the bundle.
    pub model: PathBuf,
    /// What stands beside the model that runs now.
    pub card: Card,
    /// Threads that one inference uses.
    pub threads: usize,
    /// How frames become the model's input.
    pub vision: vision::Config,
    /// Which frames are worth an inference.
    pub gate: vision::GateConfig,
    /// When a label is published.
    pub observe: observe::Config,
}

/// How a request to load the model again ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reloaded {
    /// There was none.
    Unasked,
    /// The model is the one that runs already: its hash and its card are the same.
    Same,
    /// Another model, or other labels, took its place.
    Another,
    /// The current model keeps running.
    Rejected,
}

/// Why the current model keeps running.
#[derive(Debug, thiserror::Error)]
enum Rejection {
    #[error(transparent)]
    Engine(#[from] engine::Error),
    #[error(transparent)]
    Memory(#[from] memory::Refusal),
}

impl Reloader {
    /// The stages around `engine`, made for the input and the labels of its model.
    pub fn pipeline(&self, card: &Card, engine: Box<dyn Engine>) -> Pipeline {
        let gate = vision::Gate::new(&self.gate, &self.vision, &card.input);
        Pipeline::new(&self.vision, &self.observe, card, engine).gated(gate)
    }

    /// Loads the model if that was requested; to be called between two frames.
    ///
    /// The caller waits. Meanwhile newer frames replace the one in the slot, two networks never run
    /// at once, and the current weights return their pages.
    ///
    /// A model with the hash and the card of the one that runs does not replace it: the pipeline
    /// keeps its state, so nothing is published anew.
    pub(super) fn poll(&mut self, pipeline: &mut Pipeline, guard: &mut Guard) -> Reloaded {
        if !self.requested.take() {
            return Reloaded::Unasked;
        }
        let loaded = self.load(pipeline, guard);
        memory::trim();
        match loaded {
            Ok((card, _)) if card == self.card => {
                log::info!(
                    "reload: {} is the same model as before (SHA-256 {})",
                    self.model.display(),
                    short(&card)
                );
                Reloaded::Same
            }
            Ok((card, engine)) => {
                if let Some(memory) = engine.describe().memory {
                    guard.changed(memory);
                }
                log::info!(
                    "reload: now running {} (SHA-256 {}, {} labels)",
                    self.model.display(),
                    short(&card),
                    card.labels.len()
                );
                let stages = std::mem::take(&mut pipeline.stages);
                *pipeline = self.pipeline(&card, engine);
                pipeline.stages = stages;
                self.card = card;
                Reloaded::Another
            }
            Err(why) => {
                log::warn!("reload: {why}; the current model keeps running");
                Reloaded::Rejected
            }
        }
    }

    fn load(
        &self,
        pipeline: &Pipeline,
        guard: &Guard,
    ) -> Result<(Card, Box<dyn Engine>), Rejection> {
        let card = Card::read(&self.model)?;
        let bundle = engine::packed(&self.model, &card)?;
        // Before it is mapped: the checksum alone would read all of it into memory.
        let before = pipeline.engine().memory.unwrap_or_default();
        guard.allows(Memory {
            mapped: length(&bundle)?,
            ..before
        })?;
        pipeline.rest();
        memory::trim();
        let mut engine = Classifier::open(&bundle, &card, self.threads)
            .map_err(|error| error.packed_from(&self.model))?;
        if let Some(memory) = engine.describe().memory {
            guard.allows(memory)?;
        }
        engine.verify()?;
        engine.self_test()?;
        Ok((card, Box::new(engine)))
    }
}

/// The first digits of the model's hash, for the log.
fn short(card: &Card) -> &str {
    card.sha256.get(..12).unwrap_or(&card.sha256)
}

fn length(path: &Path) -> Result<usize, engine::Error> {
    let found = std::fs::metadata(path).map_err(|cause| engine::Error::Io {
        path: path.into(),
        cause,
    })?;
    Ok(usize::try_from(found.len()).unwrap_or(usize::MAX))
}
