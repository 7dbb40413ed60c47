//! Another configuration, another model and another head under the running daemon.
//!
//! A model is mapped, verified and tried before it takes the place of the current one, and a head
//! is read whole and must fit. If anything is wrong with them or with the configuration, nothing
//! changes.

mod install;

use std::path::PathBuf;

use log::Level;

use super::health::Collector;
use super::incoming::{self, Incoming, Rejection};
use super::lesson_head;
use super::overrides::Overrides;
use super::settings::Settings;
use crate::engine::{Card, Engine};
use crate::memory::{self, Guard};
use crate::pipeline::{self, HeadInUse, Part, Pipeline};
use crate::publish::Unknown;
use crate::publish::homeassistant::{Offer, Seen};
use crate::region::Places;
use crate::signals::Request;

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
    /// The configured head's file.
    configured: Option<PathBuf>,
    /// The folder of lessons, whose head takes the place of the configured one.
    lessons: Option<PathBuf>,
}

/// What a reload changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reloaded {
    /// Nothing, or settings alone.
    Same,
    /// Another head runs on the same model, or several do.
    OtherHead {
        /// Where its labels are other ones, and it has not seen a frame.
        relabelled: Places,
    },
    /// Another model runs, which has not seen a frame.
    OtherModel,
}

impl Reloaded {
    /// Why no label is known now, and where; `None` if the present ones hold.
    pub(super) fn unknown(self) -> Option<(Unknown, Places)> {
        match self {
            Self::OtherModel => Some((Unknown::ModelChanged, Places::ALL)),
            Self::OtherHead { relabelled } if !relabelled.is_empty() => {
                Some((Unknown::HeadChanged, relabelled))
            }
            Self::OtherHead { .. } | Self::Same => None,
        }
    }
}

/// What a reload changed, with the lines that were logged, or why nothing changes.
pub(super) type Outcome = Result<(Reloaded, Vec<String>), String>;

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
            configured: settings.head.clone(),
            settings,
            card,
            reread,
            lessons: None,
        }
    }

    /// Has heads that lessons in `folder` were fitted to take the place of the configured one. One
    /// is
    /// `in_force` already, if so.
    #[must_use]
    pub fn taught_in(mut self, folder: Option<PathBuf>, in_force: bool) -> Self {
        self.lessons = folder;
        if in_force {
            self.settings.head = lesson_head::of(self.lessons.as_deref(), &self.card.sha256);
        }
        self
    }

    /// The stages around `engine`, which has these heads in their places, made for the input of its
    /// model.
    pub fn pipeline(&self, heads: Vec<Option<HeadInUse>>, engine: Box<dyn Engine>) -> Pipeline {
        stages(&self.settings, &self.card, heads, engine)
    }

    /// What Home Assistant is told of these settings, of what `pipeline` runs, and of the labels of
    /// `lessons`.
    pub(crate) fn offer(&self, pipeline: &Pipeline, lessons: Vec<String>) -> Offer {
        let model = self.settings.model.file_stem().unwrap_or_default();
        let hashes = pipeline.hashes();
        let seen = pipeline.looks().map(|look| Seen {
            region: look.hashes.region.map(Into::into),
            labels: look.labels().cloned().collect(),
            head_hash: look.hashes.head.map(Into::into),
        });
        Offer {
            seen: seen.collect(),
            unknown: self.settings.observe.unknown.clone(),
            model: model.to_string_lossy().into_owned(),
            model_hash: hashes.model.into(),
            health_interval: self.settings.health.interval,
            lessons,
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
        let mut configured = self.configured.clone();
        let (settings, mut lines) = match &mut self.reread {
            Some(reread) => {
                let (mut settings, mut lines) = reread.read().map_err(Rejection::Configuration)?;
                // The code that read the configuration need not stand beside that of a second
                // engine.
                memory::trim();
                configured.clone_from(&settings.head);
                if let Some(head) = lesson_head::usable(self.lessons.as_deref(), &settings) {
                    settings.head = Some(head);
                }
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
        let current = (&self.settings, &self.card);
        let switched = incoming::load(current, &settings, pipeline, guard)
            .and_then(|incoming| self.switch(settings, incoming, pipeline));
        let reloaded = match switched {
            Ok(reloaded) => reloaded,
            Err(why) => {
                guard.set_budget(budget);
                return Err(why);
            }
        };
        if let Some(reread) = &mut self.reread {
            reread.accepted();
        }
        (self.overrides, self.configured) = (overrides, configured);
        if let Some(memory) = pipeline.engine().memory {
            guard.changed(memory);
        }
        lines.push((Level::Info, self.running(reloaded, pipeline)));
        Ok((reloaded, lines))
    }

    /// The log line that names the running model and head.
    fn running(&self, reloaded: Reloaded, pipeline: &Pipeline) -> String {
        let hash = self.card.sha256.abbreviated();
        let model = format!("{} (SHA-256 {hash}", self.settings.model.display());
        let labels = pipeline.labels().count();
        let head = pipeline.head().zip(self.settings.head.as_deref());
        let what = match head {
            _ if !self.settings.regions.is_empty() => {
                format!("{model}) in {} regions", self.settings.regions.len())
            }
            None => format!("{model}, {labels} labels)"),
            Some((head, path)) => format!(
                "{model}) with the head {} (SHA-256 {}, {labels} labels)",
                path.display(),
                head.sha256.abbreviated()
            ),
        };
        let same = match reloaded {
            Reloaded::Same => ", the same model as before",
            Reloaded::OtherHead { .. } => ", the same model with another head",
            Reloaded::OtherModel => "",
        };
        format!("now running {what}{same}")
    }

    /// Puts what was tried, and settings, into force.
    fn switch(
        &mut self,
        settings: Settings,
        incoming: Incoming,
        pipeline: &mut Pipeline,
    ) -> Result<Reloaded, Rejection> {
        let other_head = incoming.other_heads(pipeline);
        let Incoming {
            card,
            engine,
            heads,
        } = incoming;
        let same = card == self.card && settings.model == self.settings.model;
        let reloaded = match engine {
            Some(engine) if !same => {
                let heads = heads.into_iter().map(|head| Some(head?.split().1));
                let stages = stages(&settings, &card, heads.collect(), engine);
                let before = std::mem::replace(pipeline, stages);
                pipeline.stages = before.stages;
                Reloaded::OtherModel
            }
            engine => {
                let reloaded = if other_head {
                    let path = settings.heads().into_iter().flatten().next();
                    let path = path.unwrap_or(&settings.model);
                    let relabelled = pipeline
                        .set_heads(heads, &card, &settings.observe)
                        .map_err(|error| pipeline::named(path, &error))?;
                    Reloaded::OtherHead { relabelled }
                } else {
                    pipeline.set_observe(&settings.observe);
                    Reloaded::Same
                };
                if let Some(engine) = engine {
                    pipeline.set_engine(engine);
                }
                let running = &self.settings;
                let views = settings.views();
                if views != running.views() || settings.gate != running.gate {
                    pipeline.set_view(&views, &settings.gate, &card.input);
                }
                reloaded
            }
        };
        (self.settings, self.card) = (settings, card);
        Ok(reloaded)
    }
}

fn stages(
    settings: &Settings,
    card: &Card,
    heads: Vec<Option<HeadInUse>>,
    engine: Box<dyn Engine>,
) -> Pipeline {
    let parts = Part::all(&settings.vision, &settings.regions, heads);
    Pipeline::of(parts, &settings.observe, card, engine).gated_each(&settings.gate)
}
