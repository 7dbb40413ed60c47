//! The payload of `camera`.

use std::time::SystemTime;

use serde::Serialize;

use super::fields::{Time, VERSION};
use crate::frame::PictureState;
use crate::source::{Cause, FrameCounters, Mode, SourceState, Status};

/// The state of the camera, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Streaming,
    Lost,
    /// The program has stopped, so nobody watches the camera.
    Stopped,
}

/// The state of the camera and of its pictures, the payload of `camera`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CameraState<'a> {
    v: u8,
    /// `streaming`, `lost` or `stopped`.
    state: State,
    /// Why the camera is lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<Cause>,
    /// The cause in words, with what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    /// When this state began.
    since: Time,
    /// `ok`, `dark` or `stuck`; only while the camera streams.
    #[serde(skip_serializing_if = "Option::is_none")]
    picture: Option<PictureState>,
    /// Whether the view fits the taught scene no more; only while the camera streams, with a head
    /// that has a scene.
    #[serde(skip_serializing_if = "Option::is_none")]
    moved: Option<bool>,
    /// The device node that is or was open.
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<&'a str>,
    /// The name of the camera.
    #[serde(skip_serializing_if = "Option::is_none")]
    card: Option<&'a str>,
    /// Size, format and rate of the frames.
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'a Mode>,
    /// How often the camera was lost.
    losses: u64,
    /// Frames since the start, delivered and dropped by cause. While the camera streams they grow,
    /// so they are left out: the message is retained, and `health` has the present ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    counters: Option<&'a FrameCounters>,
}

impl<'a> CameraState<'a> {
    /// The payload for a source's `status` and the condition of its pictures.
    pub(crate) fn new(status: &'a Status, picture: PictureState) -> Self {
        let streaming = status.state == SourceState::Streaming;
        Self {
            v: VERSION,
            state: if streaming {
                State::Streaming
            } else {
                State::Lost
            },
            cause: status.loss.as_ref().map(|loss| loss.cause),
            message: status.loss.as_ref().map(|loss| loss.message.as_str()),
            since: Time(status.since.wall),
            picture: streaming.then_some(picture),
            moved: None,
            device: status.device.as_deref(),
            card: status.card.as_deref(),
            mode: status.mode.as_ref(),
            losses: status.losses,
            counters: (!streaming).then_some(&status.counters),
        }
    }

    /// The same, and whether the camera was moved, if that can be told.
    #[must_use]
    pub(crate) fn with_moved(self, moved: Option<bool>) -> Self {
        let streaming = self.state == State::Streaming;
        Self {
            moved: moved.filter(|_| streaming),
            ..self
        }
    }

    /// The same without what changes from one try to open the camera to the next.
    pub(crate) fn without_counters(self) -> Self {
        Self {
            counters: None,
            ..self
        }
    }

    /// A smaller message that is as true: without the words that a driver or a path can make long.
    /// `None` where there is nothing smaller.
    pub(super) fn smaller(self) -> Option<Self> {
        let smaller = Self {
            message: None,
            device: None,
            card: None,
            mode: None,
            counters: None,
            ..self.clone()
        };
        (smaller != self).then_some(smaller)
    }

    /// The payload once the program has stopped, at `since`.
    pub(crate) fn stopped(status: &'a Status, since: SystemTime) -> Self {
        Self {
            state: State::Stopped,
            cause: None,
            message: None,
            since: Time(since),
            picture: None,
            moved: None,
            // Only a camera counts.
            counters: (status.opens > 0).then_some(&status.counters),
            ..Self::new(status, PictureState::Ok)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::source::Monitor;

    #[test]
    fn a_lost_camera_has_a_cause_and_no_picture() {
        let status = crate::source::camera::Camera::new(Default::default())
            .status()
            .clone();
        let json = serde_json::to_value(CameraState::new(&status, PictureState::Dark)).unwrap();
        assert_eq!(json["v"], 1);
        assert_eq!(json["state"], "lost");
        assert_eq!(json["cause"], "opening");
        assert_eq!(json["counters"]["delivered"], 0);
        assert!(json["since"].as_str().unwrap().ends_with('Z'));
        assert!(json.get("device").is_none() && json.get("picture").is_none());
    }

    #[test]
    fn a_streaming_camera_has_a_picture_and_no_cause() {
        let status = Monitor::steady("a drawing").status();
        let json = serde_json::to_value(CameraState::new(&status, PictureState::Dark)).unwrap();
        assert_eq!(
            (&json["state"], &json["picture"]),
            (&"streaming".into(), &"dark".into())
        );
        assert_eq!(json["card"], "a drawing");
        assert!(json.get("cause").is_none() && json.get("moved").is_none());
        // They would be stale at once.
        assert!(json.get("counters").is_none());
    }

    #[test]
    fn only_a_streaming_camera_is_told_to_be_moved() {
        let status = Monitor::steady("a drawing").status();
        let moved = |status: &Status| {
            let state = CameraState::new(status, PictureState::Ok).with_moved(Some(true));
            serde_json::to_value(state).unwrap()["moved"].clone()
        };
        assert_eq!(moved(&status), true);
        let lost = crate::source::camera::Camera::new(Default::default());
        assert!(moved(lost.status()).is_null());
    }

    #[test]
    fn a_stopped_program_claims_nothing_of_the_camera() {
        let status = Monitor::steady("a drawing").status();
        let since = UNIX_EPOCH + Duration::from_secs(1);
        let json = serde_json::to_value(CameraState::stopped(&status, since)).unwrap();
        assert_eq!(json["state"], "stopped");
        assert_eq!(json["since"], "1970-01-01T00:00:01.000Z");
        assert!(json.get("picture").is_none() && json.get("cause").is_none());
        // A drawing counts nothing.
        assert!(json.get("counters").is_none());
        let opened = Status { opens: 1, ..status };
        let json = serde_json::to_value(CameraState::stopped(&opened, since)).unwrap();
        assert_eq!(json["counters"]["delivered"], 0);
    }
}
