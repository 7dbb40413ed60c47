//! Another model under the running daemon: it is mapped, verified and tried before it takes the
//! place of the one that runs, and whatever is wrong with it leaves that one where it is.

use std::path::{Path, PathBuf};

use crate::engine::{self, Card, Classifier, Engine, Error, Memory};
use crate::memory;
use crate::memory::Guard;
use crate::pipeline::Pipeline;
use crate::signals::Reload;
use crate::{observe, vision};

/// Loads the model anew when it is asked to.
pub struct Reloader {
    /// Whether it is asked.
    pub asked: Reload,
    /// The ONNX file or the bundle.
    pub model: PathBuf,
    /// Threads that one inference uses.
    pub threads: usize,
    /// How frames become the model's input.
    pub vision: vision::Config,
    /// Which frames are worth an inference.
    pub gate: vision::GateConfig,
    /// When a label is said.
    pub observe: observe::Config,
}

impl Reloader {
    /// The stages around `engine`, made for the input and the labels of its model.
    pub fn pipeline(&self, card: &Card, engine: Box<dyn Engine>) -> Pipeline {
        let gate = vision::Gate::new(&self.gate, &self.vision, &card.input);
        Pipeline::new(&self.vision, &self.observe, card, engine).gated(gate)
    }

    /// To be called between two frames. Says whether the model is another one now.
    ///
    /// All is done here and now: for the moment that it takes, newer frames replace the one that
    /// waits. So there are never two networks at work, and the weights of the one that waits give
    /// their pages back.
    pub fn look(&self, pipeline: &mut Pipeline, guard: &mut Guard) -> bool {
        if !self.asked.taken() {
            return false;
        }
        let loaded = self.load(pipeline, guard);
        memory::trim();
        match loaded {
            Ok((card, engine)) => {
                if let Some(memory) = engine.describe().memory {
                    guard.changed(memory);
                }
                log::info!(
                    "reload: {} with SHA-256 {} and {} labels runs now",
                    self.model.display(),
                    &card.sha256[..12.min(card.sha256.len())],
                    card.labels.len()
                );
                let stages = std::mem::take(&mut pipeline.stages);
                *pipeline = self.pipeline(&card, engine);
                pipeline.stages = stages;
                true
            }
            Err(why) => {
                log::warn!("reload: {why}; the model that runs stays");
                false
            }
        }
    }

    fn load(&self, pipeline: &Pipeline, guard: &Guard) -> Result<(Card, Box<dyn Engine>), String> {
        let card = Card::read(&self.model).map_err(text)?;
        let bundle = engine::packed(&self.model, &card).ok_or_else(|| {
            format!(
                "{}: no bundle of it is there; make one with `goldcrest pack`",
                self.model.display()
            )
        })?;
        // Before it is mapped: the checksum alone would bring all of it into memory.
        let before = pipeline.engine().memory.unwrap_or_default();
        guard
            .allows(Memory {
                mapped: length(&bundle).map_err(text)?,
                ..before
            })
            .map_err(text)?;
        pipeline.rest();
        memory::trim();
        let mut engine = Classifier::open(&bundle, &card, self.threads).map_err(text)?;
        if let Some(memory) = engine.describe().memory {
            guard.allows(memory).map_err(text)?;
        }
        engine.verify().map_err(text)?;
        engine.self_test().map_err(text)?;
        Ok((card, Box::new(engine)))
    }
}

fn length(path: &Path) -> Result<usize, Error> {
    let found = std::fs::metadata(path).map_err(|cause| Error::Io {
        path: path.into(),
        cause,
    })?;
    Ok(usize::try_from(found.len()).unwrap_or(usize::MAX))
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
