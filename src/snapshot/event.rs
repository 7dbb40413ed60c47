//! What a picture is of, and a picture together with it.

use super::encode::Picture;
use crate::frame::Captured;

/// What a picture is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// The event's id.
    pub(crate) id: String,
    /// The label that it brought.
    pub(crate) label: String,
    /// The region that it was in, if there are regions.
    pub(crate) region: Option<String>,
}

/// A picture with what it is of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Snapshot {
    /// The event; `None` if a command alone asked for the picture.
    pub(crate) event: Option<Event>,
    /// Whether a command asked for it.
    pub(crate) command: bool,
    /// Number of the frame.
    pub(crate) seq: u64,
    /// When the frame was captured.
    pub(crate) captured: Captured,
    /// The picture.
    pub(crate) picture: Picture,
}
