//! The numbers of the daemon, for messages, the text file, the log and the view.

use super::health::{Collector, Now};
use super::regions;
use crate::frame::{PictureState, Slot};
use crate::memory::Guard;
use crate::metrics::Textfile;
use crate::pipeline::{Pipeline, Totals, Watching};
use crate::publish::{Health, Payload, Publisher};
use crate::source::Monitor;

/// Where numbers are counted, and who gets them.
pub(super) struct Numbers<'a> {
    pub publisher: Option<&'a Publisher>,
    pub monitor: &'a Monitor,
    pub slot: &'a Slot,
    pub health: Collector,
    /// Gets the numbers of each health interval.
    pub textfile: Option<Textfile>,
    pub totals: &'a mut Totals,
    /// Pictures of events that there are none of.
    pub snapshots_missed: u64,
    /// Pictures for review that were wanted and are not kept.
    pub reviews_missed: u64,
}

impl Numbers<'_> {
    /// Publishes the numbers of the last interval, and starts the next one.
    pub fn publish(&mut self, pipeline: &mut Pipeline, guard: &Guard, picture: PictureState) {
        let mut textfile = self.textfile.take();
        let stages = pipeline.stages.times();
        let health = self
            .health
            .numbers(self.now(pipeline, guard, picture), stages);
        log::debug!("health: {}", json(&health));
        if let Some(textfile) = &mut textfile {
            textfile.write(&health);
        }
        if let Some(publisher) = self.publisher {
            publisher.publish(&Payload::Health(Box::new(health)));
        }
        self.textfile = textfile;
        pipeline.clear_times();
        self.health.start_interval(self.totals);
    }

    /// Tells the view what it cannot count by itself.
    pub fn show(
        &self,
        watching: &mut Option<Watching>,
        pipeline: &Pipeline,
        guard: &Guard,
        picture: PictureState,
    ) {
        if let Some(watching) = watching
            && watching.wants_numbers()
        {
            let now = self.now(pipeline, guard, picture);
            let source = format!("camera {}, picture {}", word(&now.camera), word(&picture));
            watching.tell(now.drops, &source);
        }
    }

    /// Logs the numbers of the interval so far and the memory table.
    pub fn log(&self, pipeline: &Pipeline, guard: &Guard, picture: PictureState) {
        let stages = pipeline.stages.times();
        let health = self
            .health
            .numbers(self.now(pipeline, guard, picture), stages);
        log::info!("health: {}", json(&health));
        log::info!("memory needed, of {} MiB allowed:", health.memory.budget_mb);
        for line in guard.need().to_string().lines() {
            log::info!("{line}");
        }
    }

    /// What is known now.
    fn now<'n>(&'n self, pipeline: &'n Pipeline, guard: &Guard, picture: PictureState) -> Now<'n> {
        let messages = self.publisher.map(Publisher::counts);
        let mut drops = self.monitor.counters().drops();
        for (cause, count) in [
            ("slot", self.slot.dropped()),
            ("still", self.totals.still),
            ("turn", self.totals.no_turn),
            ("paused", self.totals.paused),
            ("unsent", messages.map_or(0, |m| m.events.unsent)),
            ("oversized", messages.map_or(0, |m| m.dropped)),
            ("command", messages.map_or(0, |m| m.commands_refused)),
            ("violation", messages.map_or(0, |m| m.violations)),
            ("snapshot", self.snapshots_missed),
            ("review", self.reviews_missed),
        ] {
            drops.add_many(cause, count);
        }
        drops.add_all(&self.totals.bad);
        Now {
            totals: self.totals,
            drops,
            camera: self.monitor.state(),
            child: self.monitor.child(),
            picture,
            regions: regions::cost(pipeline),
            engine: pipeline.engine(),
            hashes: pipeline.hashes(),
            messages,
            memory: *guard.last(),
        }
    }
}

/// The word that messages use for a state.
fn word(state: &impl serde::Serialize) -> String {
    let word = serde_json::to_value(state).unwrap_or_default();
    word.as_str().unwrap_or("?").into()
}

fn json(health: &Health<'_>) -> String {
    serde_json::to_string(health).unwrap_or_default()
}
