//! Another configuration and another model under the running daemon.
//!
//! A model is mapped, verified and tried before it takes the place of the current one. If anything
//! is wrong with it or with the configuration, nothing changes.

use std::path::Path;

use log::Level;

use super::health::Collector;
use super::overrides::Overrides;
use super::settings::Settings;
use crate::engine::{self, Card, Classifier, Engine, Memory};
use crate::memory::{self, Guard};
use crate::pipeline::Pipeline;
use crate::publish::homeassistant::Offer;
use crate::signals::Request;
use crate::vision;

/// Reads the configuration again.
pub trait Reread: Send {
    /// The settings of the file as it is now, and a line for each thing to log once they are in
    /// force.
    ///
    /// # Errors
    /// One line: the file, and what is wrong with it.
    fn read(&mut self) -> Result<(Settings, Vec<(Level, String)>), String>;

    /// The settings that were read last are in force.
    fn accepted(&mut self);
}

/// Takes over the configuration and loads the model again when it is asked to.
pub struct Reloader {
    /// Set by SIGHUP.
    pub requested: Request,
    /// The settings in force.
    pub settings: Settings,
    /// What stands beside the model in force.
    pub card: Card,
    /// Where settings come from; without it, a reload loads the model alone.
    reread: Option<Box<dyn Reread>>,
    /// What commands set.
    pub(super) overrides: Overrides,
}

/// What a reload changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reloaded {
    /// Nothing, or settings alone.
    SameModel,
    /// Another model runs, which has not seen a frame.
    OtherModel,
}

/// What a reload changed, with the lines that were logged, or why nothing changes.
pub(super) type Outcome = Result<(Reloaded, Vec<String>), String>;

/// Why nothing changes.
#[derive(Debug, thiserror::Error)]
enum Rejection {
    #[error("{0}; nothing changes")]
    Configuration(String),
    #[error("{0}; the current model keeps running")]
    Engine(#[from] engine::Error),
    #[error("{0}; the current model keeps running")]
    Memory(#[from] memory::Refusal),
}

impl Reloader {
    /// With `settings` and the model of `card` in force.
    pub fn new(
        requested: Request,
        settings: Settings,
        card: Card,
        reread: Option<Box<dyn Reread>>,
    ) -> Self {
        Self {
            requested,
            overrides: Overrides::over(&settings),
            settings,
            card,
            reread,
        }
    }

    /// The stages around `engine`, made for the input and the labels of its model.
    pub fn pipeline(&self, card: &Card, engine: Box<dyn Engine>) -> Pipeline {
        stages(&self.settings, card, engine)
    }

    /// What Home Assistant is told of these settings.
    pub(crate) fn offer(&self) -> Offer {
        let model = self.settings.model.file_stem().unwrap_or_default();
        Offer {
            labels: self.card.labels.clone(),
            unknown: self.settings.observe.unknown.clone(),
            model: model.to_string_lossy().into_owned(),
            model_hash: self.card.sha256.clone(),
            health_interval: self.settings.health.interval,
        }
    }

    /// Reloads if that was requested; to be called between two frames.
    ///
    /// The caller waits. Meanwhile newer frames replace the one in the slot, two networks never run
    /// at once, and the current weights return their pages.
    pub(super) fn poll(
        &mut self,
        pipeline: &mut Pipeline,
        guard: &mut Guard,
        health: &mut Collector,
    ) -> Option<Outcome> {
        if !self.requested.take() {
            return None;
        }
        let reloaded = self.reload(pipeline, guard);
        memory::trim();
        Some(match reloaded {
            Ok((reloaded, lines)) => {
                for (level, line) in &lines {
                    log::log!(*level, "reload: {line}");
                }
                health.configure(&self.settings.health);
                log::set_max_level(self.settings.log);
                let lines = lines.into_iter().map(|(_, line)| line);
                Ok((reloaded, lines.collect()))
            }
            Err(why) => {
                log::warn!("reload: {why}");
                Err(why.to_string())
            }
        })
    }

    /// Returns what changed, with a line for each thing to log.
    fn reload(
        &mut self,
        pipeline: &mut Pipeline,
        guard: &mut Guard,
    ) -> Result<(Reloaded, Vec<(Level, String)>), Rejection> {
        let mut overrides = self.overrides.clone();
        let (settings, mut lines) = match &mut self.reread {
            Some(reread) => {
                let (mut settings, mut lines) = reread.read().map_err(Rejection::Configuration)?;
                overrides = overrides.after(&settings);
                if let Err(why) = overrides.apply(&mut settings) {
                    let line = format!("the threshold that a command set is left out: {why}");
                    lines.push((Level::Warn, line));
                }
                (settings, lines)
            }
            None => (self.settings.clone(), Vec::new()),
        };
        let budget = guard.set_budget(settings.memory.clone());
        let loaded = self.load(&settings, pipeline, guard);
        let (card, engine) = match loaded {
            Ok(loaded) => loaded,
            Err(why) => {
                guard.set_budget(budget);
                return Err(why);
            }
        };
        if let Some(reread) = &mut self.reread {
            reread.accepted();
        }
        self.overrides = overrides;
        if let Some(memory) = engine.as_ref().and_then(|engine| engine.describe().memory) {
            guard.changed(memory);
        }
        let reloaded = self.switch(settings, card, engine, pipeline);
        lines.push((Level::Info, self.running(reloaded)));
        Ok((reloaded, lines))
    }

    /// The log line that names the running model.
    fn running(&self, reloaded: Reloaded) -> String {
        format!(
            "now running {} (SHA-256 {}, {} labels){}",
            self.settings.model.display(),
            engine::abbreviated(&self.card.sha256),
            self.card.labels.len(),
            match reloaded {
                Reloaded::SameModel => ", the same model as before",
                Reloaded::OtherModel => "",
            }
        )
    }

    /// Puts a model that was tried, if there is one, and settings into force.
    fn switch(
        &mut self,
        settings: Settings,
        card: Card,
        engine: Option<Box<dyn Engine>>,
        pipeline: &mut Pipeline,
    ) -> Reloaded {
        let same = card == self.card && settings.model == self.settings.model;
        let reloaded = match engine {
            Some(engine) if !same => {
                let before = std::mem::replace(pipeline, stages(&settings, &card, engine));
                pipeline.stages = before.stages;
                Reloaded::OtherModel
            }
            engine => {
                if let Some(engine) = engine {
                    pipeline.set_engine(engine);
                }
                pipeline.set_observe(&settings.observe);
                let running = &self.settings;
                if settings.vision != running.vision || settings.gate != running.gate {
                    pipeline.set_view(&settings.vision, &settings.gate, &card.input);
                }
                Reloaded::SameModel
            }
        };
        (self.settings, self.card) = (settings, card);
        reloaded
    }

    /// Opens and tries the model of `settings`. Returns no engine where plain tract runs the same
    /// model already: it reads all weights into memory, which two engines must not do at once.
    fn load(
        &self,
        settings: &Settings,
        pipeline: &Pipeline,
        guard: &Guard,
    ) -> Result<(Card, Option<Box<dyn Engine>>), Rejection> {
        let (model, threads) = (&settings.model, settings.threads);
        let card = Card::read(model)?;
        let bundle = match engine::packed(model, &card) {
            Ok(bundle) => bundle,
            Err(unpacked) => {
                let plain = pipeline.engine().memory.is_none();
                if plain && card == self.card && *model == self.settings.model {
                    return Ok((card, None));
                }
                return Err(unpacked.into());
            }
        };
        // Before it is mapped: the checksum alone would read all of it into memory.
        let before = pipeline.engine().memory.unwrap_or_default();
        guard.allows(Memory {
            mapped: length(&bundle)?,
            ..before
        })?;
        pipeline.rest();
        memory::trim();
        let mut engine =
            Classifier::open(&bundle, &card, threads).map_err(|error| error.packed_from(model))?;
        if let Some(memory) = engine.describe().memory {
            guard.allows(memory)?;
        }
        engine.verify()?;
        engine.self_test()?;
        Ok((card, Some(Box::new(engine))))
    }
}

fn stages(settings: &Settings, card: &Card, engine: Box<dyn Engine>) -> Pipeline {
    let gate = vision::Gate::new(&settings.gate, &settings.vision, &card.input);
    Pipeline::new(&settings.vision, &settings.observe, card, engine).gated(gate)
}

fn length(path: &Path) -> Result<usize, engine::Error> {
    let found = std::fs::metadata(path).map_err(|cause| engine::Error::Io {
        path: path.into(),
        cause,
    })?;
    Ok(usize::try_from(found.len()).unwrap_or(usize::MAX))
}
