//! Whether frames show the present: a lost camera, and dark or repeated pictures, show none of it.

use std::io;
use std::time::{Duration, Instant, SystemTime};

use crate::engine::Input;
use crate::frame::PictureState;
use crate::meter::timing::Stages;
use crate::pipeline::{HeadInUse, Listener, Outcome};
use crate::publish::{CameraState, Payload, Publisher, Unknown};
use crate::source::{Cause, Monitor, SourceState, Status};
use crate::vision::{GateReading, Watch};

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
    /// Since when pictures show what they do.
    since: Option<SystemTime>,
    /// The change of the pictures is yet to be published.
    changed: bool,
    /// Why no label is known, and when that was published last.
    told: Option<(Unknown, Instant)>,
    /// The camera's state that was published last, without its counters.
    published: Option<Vec<u8>>,
    /// The hash of the head whose scene is watched.
    head: Option<String>,
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
        if let (Some(watch), Some(input)) = (&mut self.watch, outcome.input)
            && outcome.gate.is_none_or(shows)
            && watch.look(input, outcome.frame.captured.elapsed)
        {
            self.changed = true;
            if watch.moved() {
                log::warn!(
                    "frame {seq}: the view does not fit the taught scene any more: the camera was \
                     moved; move it back, or teach it anew"
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
mod tests {
    use super::*;
    use crate::engine::{Quality, Resize};
    use crate::frame::{Captured, Frame};
    use crate::observe::Rule;
    use crate::source::camera::Camera;
    use crate::vision::Scene;

    const INPUT: Input = Input {
        width: 128,
        height: 128,
        mean: [0.5; 3],
        std: [0.25; 3],
        resize: Resize::Squash,
    };

    /// Tiles of all shades, shifted by so many pixels.
    fn tiles(shift: usize) -> Vec<f32> {
        let shade = |x: usize, y: usize| {
            let tile = ((x + shift) / 9 + 31 * (y / 11)) as u32;
            (tile.wrapping_mul(2_654_435_761) >> 24) as f32 / 64.0 - 2.0
        };
        let pixels = (0..128).flat_map(|y| (0..128).map(move |x| shade(x, y)));
        pixels.collect::<Vec<_>>().repeat(3)
    }

    fn head(scene: Vec<u8>, sha256: &str) -> HeadInUse {
        HeadInUse {
            labels: Vec::new(),
            temperature: 1.0,
            rule: Rule::default(),
            quality: Quality::default(),
            scene,
            made: SystemTime::UNIX_EPOCH,
            sha256: sha256.into(),
        }
    }

    /// Shows `input` for so many seconds from `start` on, every two seconds.
    fn show(sight: &mut Sight, input: &[f32], start: u64, seconds: u64) {
        for second in (start..start + seconds).step_by(2) {
            let frame = Frame {
                captured: Captured {
                    elapsed: Duration::from_secs(second),
                    wall: SystemTime::UNIX_EPOCH,
                },
                ..Frame::empty()
            };
            let outcome = Outcome {
                frame: &frame,
                gate: None,
                made_up: 0.0,
                input: Some(input),
                scores: &[],
                features: None,
                labels: &[],
                rule: Rule::default(),
                hashes: "".into(),
                update: None,
            };
            sight.outcome(&outcome, &mut Stages::default()).unwrap();
        }
    }

    #[test]
    fn a_camera_that_was_moved_is_told_until_it_is_back_or_taught_anew() {
        let mut scene = Scene::new();
        scene.learn(&tiles(0), &INPUT);
        let mut sight = Sight::default();
        assert_eq!(sight.moved(), None);
        let first = head(scene.to_bytes(), "a");
        sight.set_head(Some(&first), &INPUT);
        assert!(std::mem::take(&mut sight.changed));
        show(&mut sight, &tiles(0), 0, 100);
        show(&mut sight, &tiles(13), 100, 170);
        assert_eq!((sight.moved(), sight.changed), (Some(false), false));
        show(&mut sight, &tiles(13), 270, 30);
        assert_eq!((sight.moved(), sight.changed), (Some(true), true));
        sight.set_head(Some(&first), &INPUT);
        assert_eq!(sight.moved(), Some(true));
        show(&mut sight, &tiles(0), 300, 100);
        assert_eq!(sight.moved(), Some(false));
        show(&mut sight, &tiles(13), 400, 200);
        assert_eq!(sight.moved(), Some(true));
        sight.set_head(Some(&head(scene.to_bytes(), "b")), &INPUT);
        assert_eq!(sight.moved(), Some(false));
        sight.set_head(Some(&head(vec![9], "c")), &INPUT);
        assert_eq!(sight.moved(), None);
        sight.set_head(None, &INPUT);
        assert_eq!(sight.moved(), None);
    }

    #[test]
    fn a_camera_that_is_being_opened_is_not_lost() {
        let mut sight = Sight::default();
        let camera = Camera::new(Default::default());
        sight.follow(&camera.monitor(), None);
        assert!(!sight.blind());
    }

    #[test]
    fn a_try_to_open_that_fails_as_before_is_no_news() {
        let mut sight = Sight::default();
        let mut status = Camera::new(Default::default()).status().clone();
        assert!(sight.is_news(&CameraState::new(&status, PictureState::Ok)));
        status.counters.delivered += 1;
        assert!(!sight.is_news(&CameraState::new(&status, PictureState::Ok)));
        status.losses += 1;
        assert!(sight.is_news(&CameraState::new(&status, PictureState::Ok)));
    }

    #[test]
    fn a_pause_comes_before_all_other_reasons() {
        let mut sight = Sight::default();
        let since = SystemTime::UNIX_EPOCH;
        sight.lost = Some(SystemTime::now());
        sight.set_paused(Some(since));
        let due = sight.due(60.0, Instant::now());
        assert_eq!(due, Some((Unknown::Paused, since)));
        sight.set_paused(None);
        let due = sight.due(60.0, Instant::now());
        assert_eq!(due.map(|(reason, _)| reason), Some(Unknown::CameraLost));
    }

    #[test]
    fn a_reason_is_due_once_and_again_at_each_heartbeat() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut sight = Sight::default();
        assert_eq!(sight.due(60.0, at(0)), None);
        sight.picture = PictureState::Dark;
        sight.since = Some(SystemTime::UNIX_EPOCH);
        let dark = Some((Unknown::Dark, SystemTime::UNIX_EPOCH));
        assert_eq!(sight.due(60.0, at(1)), dark);
        assert_eq!(sight.due(60.0, at(60)), None);
        assert_eq!(sight.due(60.0, at(61)), dark);
        let lost = SystemTime::now();
        sight.lost = Some(lost);
        assert_eq!(sight.due(60.0, at(62)), Some((Unknown::CameraLost, lost)));
        (sight.lost, sight.picture) = (None, PictureState::Ok);
        assert_eq!(sight.due(60.0, at(63)), None);
        sight.picture = PictureState::Dark;
        assert_eq!(sight.due(60.0, at(64)), dark);
    }
}
