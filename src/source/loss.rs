//! Why a source gives no frames: one cause for machines, one line for people.

use serde::Serialize;

/// Why the camera is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// It is not open yet, or is open and has not sent its first frame.
    Opening,
    /// No such device, program or address.
    NotFound,
    /// The name fits several cameras.
    Ambiguous,
    /// The node is not a camera.
    NotCamera,
    /// The node is a raw sensor, without the processing that makes pictures.
    RawSensor,
    /// It offers no format that Goldcrest reads, or not the requested one; a program's output is
    /// not what was configured; an answer has no JPEG picture.
    NoFormat,
    /// Another program or client uses it.
    Busy,
    /// The permissions do not allow it, or the log-in is wrong.
    Denied,
    /// It was unplugged.
    Unplugged,
    /// No frame came in time.
    Timeout,
    /// Frames came, and none was complete.
    Corrupt,
    /// Its buffers need more memory than its mode does or than the budget leaves.
    Memory,
    /// The bus has no bandwidth left.
    Bandwidth,
    /// The driver does not release the device, or a program does not end.
    Stopping,
    /// The program that gives the pictures ended.
    Exited,
    /// The camera cannot be reached over the network.
    Unreachable,
    /// The camera cannot prove that it is the one, or leads to another host.
    Untrusted,
    /// The camera ended its stream or its answer.
    Ended,
    /// The pictures are larger than memory was computed for.
    WrongSize,
    /// It repeated the same picture for long, and is opened again.
    Stuck,
    /// The system returned another error, or the camera answered with one.
    Io,
}

/// A loss: one cause for machines, one line for people.
#[derive(Clone, Debug, PartialEq, Serialize, thiserror::Error)]
#[error("{message}")]
pub struct Loss {
    /// For machines.
    pub cause: Cause,
    /// What happened, where, and what to do about it.
    pub message: String,
}

impl Loss {
    /// A loss for this cause, with this line.
    pub(crate) fn new(cause: Cause, message: impl Into<String>) -> Self {
        Self {
            cause,
            message: message.into(),
        }
    }
}
