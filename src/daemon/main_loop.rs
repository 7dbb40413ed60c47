//! The main thread: from the slot through the pipeline to the publisher.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::Error;
use super::health::{Collector, Now};
use super::reload::Reloader;
use super::watchdog::Watchdog;
use crate::frame::{Frame, PictureState, Slot, Taken};
use crate::memory::Guard;
use crate::meter::timing::Stages;
use crate::pipeline::{Listener, LogLines, Outcome, Pace, Pipeline, Publishing, Totals};
use crate::publish::{CameraState, Payload, Publisher};
use crate::signals::Stop;
use crate::source::Monitor;

/// How often the thread looks up from an empty slot.
const LOOK_UP: Duration = Duration::from_millis(200);

/// What the thread works with.
pub(super) struct MainLoop<'a> {
    pub pipeline: &'a mut Pipeline,
    pub guard: &'a mut Guard,
    pub reloader: &'a mut Reloader,
    pub publisher: Option<&'a Publisher>,
    pub(crate) monitor: &'a Monitor,
    pub(crate) slot: &'a Slot,
    /// Grows while the capture thread lives.
    pub(crate) progress: &'a AtomicU64,
    /// The source's clock.
    pub(crate) pace: Pace,
    pub health: Collector,
    pub totals: &'a mut Totals,
}

impl MainLoop<'_> {
    /// Runs until the slot is closed or `stop` is requested.
    pub(crate) fn run(mut self, stop: &Stop) -> Result<(), Error> {
        let mut watchdog = Watchdog::start();
        let mut frame = Frame::empty();
        let mut log = LogLines::default();
        let mut pictures = Pictures::default();
        let mut publishing = self.publisher.map(Publishing);
        let mut latency = Latency(self.pace);
        let mut changes_seen = 0;
        while !stop.requested() {
            watchdog.feed(self.progress.load(Ordering::Relaxed));
            self.guard.check(self.monitor);
            self.reloader.poll(self.pipeline, self.guard);
            self.publish_camera(&mut changes_seen, &mut pictures);
            if self.health.due() {
                self.publish_health(pictures.state);
            }
            match self.slot.take(&mut frame, LOOK_UP) {
                Taken::Frame => self.pipeline.process(
                    &mut frame,
                    &mut [
                        self.totals,
                        &mut log,
                        &mut publishing,
                        &mut latency,
                        &mut pictures,
                    ],
                )?,
                Taken::Nothing => {}
                Taken::Closed => break,
            }
        }
        Ok(())
    }

    /// Publishes the camera's next change, or its present state where the pictures changed.
    fn publish_camera(&self, changes_seen: &mut u64, pictures: &mut Pictures) {
        let Some(publisher) = self.publisher else {
            return;
        };
        let change = self.monitor.change(changes_seen);
        let pictures_changed = std::mem::take(&mut pictures.changed);
        if let Some(status) = change.or_else(|| pictures_changed.then(|| self.monitor.status())) {
            publisher.publish(&Payload::Camera(CameraState::new(&status, pictures.state)));
        }
    }

    /// Publishes the numbers of the last interval, and starts the next one.
    fn publish_health(&mut self, picture: PictureState) {
        let messages = self.publisher.map(Publisher::counts);
        let mut drops = self.monitor.counters().drops();
        for (cause, count) in [
            ("slot", self.slot.dropped()),
            ("still", self.totals.still),
            ("unsent", messages.map_or(0, |m| m.dropped)),
        ] {
            drops.add_many(cause, count);
        }
        drops.add_all(&self.totals.bad);
        let stages = self.pipeline.stages.times();
        self.pipeline.stages.clear();
        let now = Now {
            totals: self.totals,
            drops,
            camera: self.monitor.state(),
            picture,
            engine: self.pipeline.engine(),
            messages,
            memory: *self.guard.last(),
        };
        let health = self.health.collect(now, stages);
        log::debug!(
            "health: {}",
            serde_json::to_string(&health).unwrap_or_default()
        );
        if let Some(publisher) = self.publisher {
            publisher.publish(&Payload::Health(Box::new(health)));
        }
    }
}

/// Measures how old each classified frame is once it was published, by the source's clock.
struct Latency(Pace);

impl Listener for Latency {
    fn outcome(&mut self, outcome: &Outcome<'_>, stages: &mut Stages) -> io::Result<()> {
        if outcome.classified() {
            let age = self.0.age(outcome.frame.captured.elapsed);
            stages.latency.add(age);
        }
        Ok(())
    }
}

/// Follows what the pictures show, and logs each change.
#[derive(Default)]
struct Pictures {
    state: PictureState,
    /// The change is yet to be published.
    changed: bool,
}

impl Listener for Pictures {
    fn outcome(&mut self, outcome: &Outcome<'_>, _: &mut Stages) -> io::Result<()> {
        let seq = outcome.frame.seq;
        let Some(found) = outcome.gate.map(|gate| gate.picture) else {
            return Ok(());
        };
        if found == self.state {
            return Ok(());
        }
        self.state = found;
        self.changed = true;
        match found {
            PictureState::Ok => log::info!("frame {seq}: pictures show something again"),
            PictureState::Dark => {
                log::info!("frame {seq}: pictures are all dark: night, or a covered lens");
            }
            PictureState::Stuck => log::warn!(
                "frame {seq}: the camera repeats the same picture: unplug it and plug it in again"
            ),
        }
        Ok(())
    }
}
