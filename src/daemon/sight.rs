//! Whether frames show the present: a lost camera, and dark or repeated pictures, show none of it.

use std::io;
use std::time::{Duration, Instant, SystemTime};

use super::reopening::Reopening;
use crate::engine::{HexDigest, Input};
use crate::frame::PictureState;
use crate::meter::timing::Stages;
use crate::pipeline::{HeadInUse, Listener, Outcome};
use crate::publish::{CameraState, Payload, Publisher, Unknown};
use crate::source::{Cause, Monitor, SourceState, Status};
use crate::vision::{GateConfig, GateReading, Watch};

/// Follows the camera and its pictures.
#[derive(Default)]
pub(super) struct Sight {
    /// The changes of the camera that were read, for [`Monitor::change`].
    changes_seen: u64,
    /// Since when a command has frames passed over.
    paused: Option<SystemTime>,
    /// Since when the camera is lost.
    lost: Option<SystemTime>,
    pub(super) picture: PictureState,
    /// The tries to free a camera that is stuck.
    reopening: Reopening,
    /// Since when pictures show what they do.
    since: Option<SystemTime>,
    /// The change of the pictures is yet to be published.
    changed: bool,
    /// Why no label is known, and when that was published last.
    told: Option<(Unknown, Instant)>,
    /// The camera's state that was published last, without its counters.
    published: Option<Vec<u8>>,
    /// The hash of the head whose scene is watched.
    head: Option<HexDigest>,
    /// Tells if the camera was moved; `None` without a scene.
    watch: Option<Watch>,
}

impl Sight {
    /// Compares pictures of the shape of `input` with the scene of `head` from here on, if that is
    /// another head than before.
    pub(super) fn set_head(&mut self, head: Option<&HeadInUse>, input: &Input) {
        if self.head.as_ref() == head.map(|head| &head.sha256) {
            return;
        }
        self.head = head.map(|head| head.sha256.clone());
        let before = self.moved();
        self.watch = match head.map(|head| Watch::new(&head.scene, input)) {
            Some(Ok(watch)) => watch,
            Some(Err(why)) => {
                log::warn!("whether the camera was moved cannot be told: {why}");
                None
            }
            None => None,
        };
        self.changed |= self.moved() != before;
    }

    /// Whether the camera was moved; `None` if that cannot be told.
    fn moved(&self) -> Option<bool> {
        self.watch.as_ref().map(Watch::moved)
    }

    /// Notes since when a command has frames passed over; `None` if they are looked at.
    pub(super) fn set_paused(&mut self, since: Option<SystemTime>) {
        self.paused = since;
    }

    /// Reads the next change of the camera. Publishes that, or the camera's present state if the
    /// pictures changed. A try to open the camera that fails as the one before is no news.
    pub(super) fn follow(&mut self, monitor: &Monitor, publisher: Option<&Publisher>) {
        let change = monitor.change(&mut self.changes_seen);
        if let Some(status) = &change {
            self.lost = lost_since(status, self.lost);
        }
        let pictures_changed = std::mem::take(&mut self.changed);
        let status = change.or_else(|| pictures_changed.then(|| monitor.status()));
        if let (Some(publisher), Some(status)) = (publisher, status) {
            let state = CameraState::new(&status, self.picture).with_moved(self.moved());
            if self.is_news(&state) {
                publisher.publish(&Payload::Camera(state));
            }
        }
    }

    /// Has a camera that is stuck opened again, if `gate` says so.
    pub(super) fn reopen(&mut self, monitor: &Monitor, gate: &GateConfig, now: Instant) {
        // A command has pictures passed over, and a lost camera is opened again by itself.
        if !gate.reopen_stuck || self.paused.is_some() || self.lost.is_some() {
            return;
        }
        let patience = Duration::try_from_secs_f64(gate.stuck).unwrap_or(Duration::MAX);
        let is_stuck = self.picture == PictureState::Stuck;
        if self.reopening.is_due(is_stuck, patience, now) {
            monitor.ask_to_reopen();
        }
    }

    /// Whether the camera's state differs from the last one that was asked about, counters aside.
    fn is_news(&mut self, state: &CameraState<'_>) -> bool {
        let shown = Payload::Camera(state.clone().without_counters()).to_json();
        let shown = shown.ok();
        let news = shown != self.published;
        self.published = shown;
        news
    }

    /// Makes the reason due again: something else was published meanwhile.
    pub(super) fn repeat(&mut self) {
        self.told = None;
    }

    /// Why frames show nothing of the present; None if they show it.
    pub(super) fn unknown(&self) -> Option<Unknown> {
        self.reason().map(|(reason, _)| reason)
    }

    /// Whether frames show nothing of the present.
    pub(super) fn blind(&self) -> bool {
        self.reason().is_some()
    }

    /// The reason and the beginning of blindness, where that is to be published at `now`: at each
    /// new reason, and again after each `heartbeat`.
    pub(super) fn due(&mut self, heartbeat: f64, now: Instant) -> Option<(Unknown, SystemTime)> {
        let Some((reason, since)) = self.reason() else {
            self.told = None;
            return None;
        };
        let heartbeat = Duration::try_from_secs_f64(heartbeat).unwrap_or(Duration::MAX);
        let told = |(told, at): (Unknown, Instant)| told == reason && now - at < heartbeat;
        if self.told.is_some_and(told) {
            return None;
        }
        self.told = Some((reason, now));
        Some((reason, since))
    }

    fn reason(&self) -> Option<(Unknown, SystemTime)> {
        if let Some(since) = self.paused {
            return Some((Unknown::Paused, since));
        }
        let reason = match (self.lost, self.picture) {
            (Some(since), _) => return Some((Unknown::CameraLost, since)),
            (None, PictureState::Ok) => return None,
            (None, PictureState::Dark) => Unknown::Dark,
            (None, PictureState::Stuck) => Unknown::Stuck,
        };
        Some((reason, self.since.unwrap_or(SystemTime::UNIX_EPOCH)))
    }
}

/// Since when the camera is lost, if it was lost since `before`. One that is being opened for the
/// first time is not lost yet, and one that is opened again is lost still.
fn lost_since(status: &Status, before: Option<SystemTime>) -> Option<SystemTime> {
    match (&status.loss, status.state) {
        (_, SourceState::Streaming) => None,
        (Some(loss), SourceState::Lost) if loss.cause == Cause::Opening => before,
        (_, SourceState::Lost) => Some(status.since.wall),
    }
}

impl Listener for Sight {
    /// Logs each change of what pictures show, and of whether the camera was moved.
    fn outcome(&mut self, outcome: &Outcome<'_>, _: &mut Stages) -> io::Result<()> {
        let seq = outcome.frame.seq;
        let shows = |gate: GateReading| gate.picture == PictureState::Ok;
        if let (Some(watch), Some((input, _))) = (&mut self.watch, outcome.input)
            && outcome.gate.is_none_or(shows)
            && watch.look(input, outcome.frame.captured.elapsed)
        {
            self.changed = true;
            if watch.moved() {
                log::warn!(
                    "frame {seq}: the view does not fit the taught scene any more: the camera was \
                     moved; move it back, or teach the head again"
                );
            } else {
                log::info!("frame {seq}: the view fits the taught scene again");
            }
        }
        let Some(found) = outcome.gate.map(|gate| gate.picture) else {
            return Ok(());
        };
        if found == self.picture {
            return Ok(());
        }
        self.picture = found;
        self.since = Some(outcome.frame.captured.wall);
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

#[cfg(test)]
mod tests;
