//! The payload of `snapshot/info`.

use serde::Serialize;

use super::fields::{Time, VERSION};
use crate::frame::Captured;

/// What the picture on `snapshot` shows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SnapshotInfo<'a> {
    v: u8,
    /// The id of the event whose frame it is; `null` if a command alone asked for it.
    pub(crate) event: Option<&'a str>,
    /// The label that the event brought; `null` without an event.
    pub(crate) label: Option<&'a str>,
    /// The region of the event; absent without regions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) region: Option<&'a str>,
    /// Whether a command asked for it.
    pub(crate) command: bool,
    /// Number of the frame.
    pub(crate) seq: u64,
    /// When the frame was captured.
    pub(crate) captured: Time,
    /// Width in pixels.
    pub(crate) width: usize,
    /// Height in pixels.
    pub(crate) height: usize,
    /// Bytes of the JPEG file.
    pub(crate) bytes: usize,
    /// SHA-256 of the JPEG file, in hex.
    pub(crate) sha256: String,
}

impl<'a> SnapshotInfo<'a> {
    /// The payload for a file of `bytes` bytes and of this width and height. `event` is the id and
    /// the label.
    pub(crate) fn new(
        event: Option<(&'a str, &'a str)>,
        command: bool,
        (seq, captured): (u64, Captured),
        (width, height): (usize, usize),
        (bytes, sha256): (usize, String),
    ) -> Self {
        Self {
            v: VERSION,
            event: event.map(|(id, _)| id),
            label: event.map(|(_, label)| label),
            region: None,
            command,
            seq,
            captured: Time(captured.wall),
            width,
            height,
            bytes,
            sha256,
        }
    }

    /// The same for an event of `region`.
    #[must_use]
    pub(crate) fn of_region(self, region: Option<&'a str>) -> Self {
        Self { region, ..self }
    }
}
