//! Why a source gives no frames: one cause for machines, one line for people.

use serde::Serialize;

/// Why the camera is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// It was not opened yet, or opened and has not sent its first frame.
    Opening,
    /// No such device.
    NotFound,
    /// The name fits several cameras.
    Ambiguous,
    /// The node is no camera.
    NotCamera,
    /// The node is a sensor without the processing that makes a picture.
    RawSensor,
    /// It offers no format that is understood, or not the one asked for.
    NoFormat,
    /// Another program uses it.
    Busy,
    /// The permissions do not allow it.
    Denied,
    /// It went away.
    Unplugged,
    /// No frame came in time.
    Timeout,
    /// Frames came, none of them whole.
    Corrupt,
    /// The bus has no bandwidth left.
    Bandwidth,
    /// The driver does not let go of the device.
    Stopping,
    /// The system gave another error.
    Io,
}

/// A cause with its line.
#[derive(Clone, Debug, PartialEq, Serialize, thiserror::Error)]
#[error("{message}")]
pub struct Loss {
    /// The cause.
    pub cause: Cause,
    /// What happened, where, and what to do about it.
    pub message: String,
}

impl Loss {
    /// A loss with this line.
    pub fn new(cause: Cause, message: impl Into<String>) -> Self {
        Self {
            cause,
            message: message.into(),
        }
    }
}
