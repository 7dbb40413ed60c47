//! Obeys commands, and publishes the settings that they change.

use std::mem;
use std::time::{Instant, SystemTime};

use log::LevelFilter;
use serde_json::{Map, Value, json};

use super::kept::{Keeper, Kept};
use super::reload::{Outcome as Reload, Reloader};
use super::teaching::Teaching;
use super::{lesson_rules, regions};
use crate::pipeline::{Pipeline, Publishing};
use crate::publish::commands::{Asker, Command, Outcome, Request};
use crate::publish::{Payload, Publisher, Settings};

/// The most commands that are obeyed between two frames.
const AT_ONCE: usize = 8;

/// What commands set, and what they ask of the main loop.
pub(super) struct Commands {
    keeper: Option<Keeper>,
    /// What is kept over restarts.
    kept: Kept,
    /// Since when frames are passed over.
    paused: Option<SystemTime>,
    /// Health is to be published at once.
    health: bool,
    /// Who waits for the reload that was asked for.
    reloading: Vec<Asker>,
    /// Why the last reload changed nothing.
    reload_error: Option<String>,
    /// Settings may have changed since they were published.
    changed: bool,
    /// The settings that were published last.
    published: Option<Vec<u8>>,
}

impl Commands {
    /// With what `keeper` kept, which is put into force.
    pub(super) fn new(
        mut keeper: Option<Keeper>,
        reloader: &mut Reloader,
        pipeline: &mut Pipeline,
    ) -> Self {
        let mut kept = keeper.as_mut().map(Keeper::read).unwrap_or_default();
        let unknown = &reloader.settings.observe.unknown;
        if let Some(label) = &kept.selected
            && let Err(why) = lesson_rules::check(label, unknown)
        {
            log::warn!("the kept label to be taught is left out: {why}");
            kept.selected = None;
        }
        if kept != Kept::default() {
            log::info!(
                "going on with what commands set before: {}",
                in_words(&kept)
            );
        }
        reloader.overrides.threshold = kept.threshold;
        reloader.overrides.log = kept.log_level;
        if let Err(why) = reloader.overrides.apply(&mut reloader.settings) {
            log::warn!("the kept threshold is left out: {why}");
        }
        pipeline.set_observe(&reloader.settings.observe);
        log::set_max_level(reloader.settings.log);
        Self {
            keeper,
            paused: kept.paused.then(SystemTime::now),
            kept,
            health: false,
            reloading: Vec::new(),
            reload_error: None,
            changed: true,
            published: None,
        }
    }

    /// Since when frames are passed over.
    pub(super) fn paused(&self) -> Option<SystemTime> {
        self.paused
    }

    /// The label that the next example is of, as it was kept.
    pub(super) fn selected(&self) -> Option<String> {
        self.kept.selected.clone()
    }

    /// Whether health was asked for since the last call.
    pub(super) fn take_health(&mut self) -> bool {
        mem::take(&mut self.health)
    }

    /// Obeys the commands that wait, and answers them.
    pub(super) fn obey(
        &mut self,
        publishing: &mut Publishing<'_>,
        reloader: &mut Reloader,
        pipeline: &mut Pipeline,
        teaching: &mut Teaching,
    ) {
        let publisher = publishing.publisher();
        for _ in 0..AT_ONCE {
            let Some(Request { command, asker }) = publisher.next_command() else {
                return;
            };
            if command == Command::Reload {
                reloader.requested.set();
                self.reloading.push(asker);
                continue;
            }
            let outcome = match command {
                Command::Snapshot => self.ask_snapshot(publishing),
                Command::Teach(lesson) => {
                    teaching.ask(lesson, asker, &reloader.settings.observe.unknown);
                    continue;
                }
                _ => self.change(command, reloader, pipeline),
            };
            if let Ok(more) = &outcome {
                log::info!("command {}: {}", asker.name, Value::Object(more.clone()));
            }
            self.answer(publisher, asker, outcome);
        }
    }

    /// Answers a command that may have changed settings. The log has a line about one that was
    /// obeyed already.
    pub(super) fn answer(&mut self, publisher: &Publisher, asker: Asker, outcome: Outcome) {
        self.changed = true;
        if let Err(why) = &outcome {
            log::warn!("command {}: refused: {why}", asker.name);
        }
        publisher.answer(asker, outcome);
    }

    /// Has the settings published if they differ from those published last.
    pub(super) fn note_change(&mut self) {
        self.changed = true;
    }

    /// Asks for a picture of the next frame.
    fn ask_snapshot(&self, publishing: &mut Publishing<'_>) -> Outcome {
        if self.paused.is_some() {
            return Err("frames are passed over while paused; send resume first".into());
        }
        if !publishing.request_snapshot() {
            return Err("snapshots are off; set snapshot.enabled = true".into());
        }
        Ok(Map::new())
    }

    /// Obeys one command that is done at once.
    fn change(
        &mut self,
        command: Command,
        reloader: &mut Reloader,
        pipeline: &mut Pipeline,
    ) -> Outcome {
        match command {
            Command::Pause => {
                self.paused.get_or_insert_with(SystemTime::now);
                Ok(keys([("paused", json!(true))]))
            }
            Command::Resume => {
                self.paused = None;
                Ok(keys([("paused", json!(false))]))
            }
            Command::Threshold(threshold) => {
                let before = reloader.overrides.threshold.replace(threshold);
                if let Err(why) = reloader.overrides.apply(&mut reloader.settings) {
                    reloader.overrides.threshold = before;
                    return Err(why);
                }
                pipeline.set_observe(&reloader.settings.observe);
                Ok(keys([("threshold", number(threshold))]))
            }
            Command::LogLevel(level) => {
                reloader.overrides.log = Some(level);
                reloader.settings.log = level;
                log::set_max_level(level);
                Ok(keys([("log_level", json!(name(level)))]))
            }
            Command::Health => {
                self.health = true;
                Ok(Map::new())
            }
            // They are obeyed elsewhere.
            Command::Snapshot | Command::Reload | Command::Teach(_) => Ok(Map::new()),
        }
    }

    /// Answers those that wait for the reload that is over.
    pub(super) fn reloaded(&mut self, reload: &Reload, publisher: Option<&Publisher>) {
        self.reload_error = reload.as_ref().err().cloned();
        self.changed = true;
        for asker in self.reloading.drain(..) {
            let outcome = match reload {
                Ok((_, lines)) => Ok(keys([("log", json!(lines))])),
                Err(why) => Err(why.clone()),
            };
            if let Some(publisher) = publisher {
                publisher.answer(asker, outcome);
            }
        }
    }

    /// Publishes and keeps the settings in force, if they changed.
    pub(super) fn tell(
        &mut self,
        publisher: Option<&Publisher>,
        reloader: &Reloader,
        pipeline: &Pipeline,
        teaching: &Teaching,
    ) {
        if self.kept.selected.as_deref() != teaching.selected() {
            self.kept.selected = teaching.selected().map(Into::into);
        }
        self.keep(reloader, false);
        let Some(publisher) = publisher else { return };
        if !mem::take(&mut self.changed) {
            return;
        }
        let settings = Settings::new(
            self.paused.is_some(),
            pipeline.rule().threshold,
            reloader.settings.log,
            (pipeline.hashes(), pipeline.labels().count()),
            self.reload_error.as_deref(),
        );
        let settings = settings.with_regions(regions::settings(pipeline));
        let settings = Payload::Settings(settings.with_taught(teaching.told()));
        let json = settings.to_json().ok();
        if json != self.published {
            publisher.publish(&settings);
            self.published = json;
        }
    }

    /// Keeps what is set, at the `end` without delay.
    pub(super) fn keep(&mut self, reloader: &Reloader, end: bool) {
        if let Some(keeper) = &mut self.keeper {
            self.kept.paused = self.paused.is_some();
            self.kept.threshold = reloader.overrides.threshold;
            self.kept.log_level = reloader.overrides.log;
            keeper.write(&self.kept, Instant::now(), end);
        }
    }
}

fn in_words(kept: &Kept) -> String {
    let mut words = Vec::new();
    if kept.paused {
        words.push("paused".into());
    }
    words.extend(kept.threshold.map(|number| format!("threshold {number}")));
    words.extend(
        kept.log_level
            .map(|level| format!("log level {}", name(level))),
    );
    let selected = kept.selected.as_ref();
    words.extend(selected.map(|label| format!("{label:?} selected to be taught")));
    words.join(", ")
}

fn name(level: LevelFilter) -> String {
    level.as_str().to_ascii_lowercase()
}

/// A number as it was written: 0.7, not 0.699999988079071.
fn number(value: f32) -> Value {
    value
        .to_string()
        .parse::<f64>()
        .map_or(Value::Null, Value::from)
}

fn keys<const N: usize>(pairs: [(&str, Value); N]) -> Map<String, Value> {
    pairs
        .map(|(key, value)| (key.to_string(), value))
        .into_iter()
        .collect()
}
