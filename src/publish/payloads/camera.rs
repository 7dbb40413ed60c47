//! The payload of `camera`.

use serde::Serialize;

use super::fields::{Time, VERSION};
use crate::frame::PictureState;
use crate::source::{Cause, FrameCounters, Mode, SourceState, Status};

/// The state of the camera and of its pictures, the payload of `camera`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CameraState<'a> {
    v: u8,
    /// `streaming` or `lost`.
    state: SourceState,
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
    /// Frames up to this change, delivered and dropped by cause.
    counters: &'a FrameCounters,
}

impl<'a> CameraState<'a> {
    /// The payload for a source's `status` and the condition of its pictures.
    pub(crate) fn new(status: &'a Status, picture: PictureState) -> Self {
        Self {
            v: VERSION,
            state: status.state,
            cause: status.loss.as_ref().map(|loss| loss.cause),
            message: status.loss.as_ref().map(|loss| loss.message.as_str()),
            since: Time(status.since.wall),
            picture: (status.state == SourceState::Streaming).then_some(picture),
            device: status.device.as_deref(),
            card: status.card.as_deref(),
            mode: status.mode.as_ref(),
            losses: status.losses,
            counters: &status.counters,
        }
    }
}

#[cfg(test)]
mod tests {
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
        assert!(json.get("cause").is_none());
    }
}
