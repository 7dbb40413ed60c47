//! The main thread: from the slot to the publisher.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{Counts, Error};
use crate::daemon::health::{Frames, Health, Now};
use crate::daemon::reload::Reloader;
use crate::daemon::watchdog::Watchdog;
use crate::frame::{Frame, PictureState, Slot, Taken};
use crate::memory::Guard;
use crate::observe::Say;
use crate::pipeline::pace::Pace;
use crate::pipeline::{self, Pipeline};
use crate::publish::{CameraState, Payload, Publisher};
use crate::signals::Stop;
use crate::source::Monitor;

/// How often the thread looks up from an empty slot.
const LOOK_UP: Duration = Duration::from_millis(200);
/// Corrupt frames come in swarms: one line in so much time.
const WARN_EVERY: Duration = Duration::from_secs(10);

/// What the thread works with.
pub(super) struct Look<'a> {
    pub pipeline: &'a mut Pipeline,
    pub guard: &'a mut Guard,
    pub reloader: &'a Reloader,
    pub publisher: Option<&'a Publisher>,
    pub camera: &'a Monitor,
    pub slot: &'a Slot,
    /// The capture thread's sign of life.
    pub captured: &'a AtomicU64,
    /// The source's clock.
    pub pace: Pace,
    pub health: Health,
    pub counts: &'a mut Counts,
    /// What the pictures were when it was last said.
    pub picture: PictureState,
}

impl Look<'_> {
    /// Runs until the slot is closed or the end is asked for.
    pub fn run(mut self, stop: &Stop) -> Result<(), Error> {
        let mut hash = self.pipeline.engine().model_hash.clone();
        let mut watchdog = Watchdog::start();
        let mut frame = Frame::empty();
        let mut camera_seen = 0;
        let mut warned = None;
        while !stop.asked() {
            watchdog.feed(self.captured.load(Ordering::Relaxed));
            self.guard.look(self.camera);
            if self.reloader.look(self.pipeline, self.guard) {
                hash.clone_from(&self.pipeline.engine().model_hash);
            }
            self.tell_camera(&mut camera_seen);
            if self.health.due() {
                self.tell_health();
            }
            match self.slot.take(&mut frame, LOOK_UP) {
                Taken::Frame => self.step(&mut frame, &hash, &mut warned, &mut camera_seen)?,
                Taken::Nothing => {}
                Taken::Closed => break,
            }
        }
        Ok(())
    }

    /// Publishes how the camera is, if that is new.
    fn tell_camera(&self, seen: &mut u64) {
        if let Some(publisher) = self.publisher
            && let Some(status) = self.camera.change(seen)
        {
            publisher.say(&Payload::Camera(CameraState::new(&status, self.picture)));
        }
    }

    /// Publishes how the daemon is, and begins to measure anew.
    fn tell_health(&mut self) {
        let mut drops = self.camera.counters().drops();
        for (cause, count) in [
            ("slot", self.slot.dropped()),
            ("still", self.counts.still),
            ("unsent", self.publisher.map_or(0, |p| p.counts().dropped)),
        ] {
            drops.add_many(cause, count);
        }
        drops.add_all(&self.counts.passed_over);
        let now = Now {
            frames: Frames {
                seen: self.counts.seen,
                classified: self.counts.frames,
            },
            drops,
            camera: self.camera.state(),
            picture: self.picture,
            engine: self.pipeline.engine(),
            publisher: self.publisher,
            memory: *self.guard.seen(),
        };
        let report = self.health.report(&now, self.pipeline.stages.times());
        self.pipeline.stages.clear();
        log::debug!("health: {report}");
        if let Some(publisher) = self.publisher {
            publisher.say(&Payload::Health(report));
        }
    }

    /// Looks at one frame and says what there is to say.
    fn step(
        &mut self,
        frame: &mut Frame,
        hash: &str,
        warned: &mut Option<Instant>,
        camera_seen: &mut u64,
    ) -> Result<(), Error> {
        self.counts.seen += 1;
        let seen = match self.pipeline.watch(frame) {
            Ok(seen) => seen,
            Err(pipeline::Error::Frame(e)) => {
                self.counts.passed_over.add(e.cause());
                if warned.is_none_or(|at| at.elapsed() >= WARN_EVERY) {
                    *warned = Some(Instant::now());
                    log::warn!(
                        "frame {} {}: {e}; passed over, {} so far",
                        frame.seq,
                        frame.name,
                        self.counts.passed_over.total()
                    );
                }
                return Ok(());
            }
            Err(e) => return Err(e.into()),
        };
        let (open, picture) = seen
            .look
            .map_or((true, self.picture), |look| (look.open, look.picture));
        match open {
            true => self.counts.frames += 1,
            false => self.counts.still += 1,
        }
        if let Some(say) = seen.say {
            if let Say::Change { statement, .. } = &say {
                self.counts.changes += 1;
                log::info!("{} {:.2}", statement.label, statement.score);
            }
            if let Some(publisher) = self.publisher {
                let start = Instant::now();
                publisher.report(&say, hash);
                self.pipeline.stages.publish.add(start.elapsed());
            }
        }
        if open {
            let age = self.pace.age(frame.captured.elapsed);
            self.pipeline.stages.latency.add(age);
        }
        if picture != self.picture {
            self.picture = picture;
            self.note_picture(frame);
            // The last change is said again, with the picture.
            *camera_seen = camera_seen.saturating_sub(1);
        }
        Ok(())
    }

    /// Says in the log what has become of the pictures.
    fn note_picture(&self, frame: &Frame) {
        let seq = frame.seq;
        match self.picture {
            PictureState::Ok => log::info!("frame {seq}: pictures show something again"),
            PictureState::Dark => log::info!(
                "frame {seq}: pictures are all dark: night, or something covers the lens"
            ),
            PictureState::Stuck => log::warn!(
                "frame {seq}: the camera sends the very same picture again and again: unplug it and plug it in"
            ),
        }
    }
}
