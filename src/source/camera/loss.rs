//! Why there is no picture: one cause for machines, one line for people.

use std::io;
use std::path::Path;

use serde::Serialize;

use super::system::System;

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

    /// What the system's `error` in `step` means for the camera at `path`.
    pub fn from_system(system: &dyn System, path: &Path, step: &str, error: &io::Error) -> Self {
        let at = path.display();
        match error.raw_os_error() {
            Some(libc::EBUSY) => {
                let who = match system.holders(path) {
                    others if others.is_empty() => {
                        format!("another program uses it; `fuser -v {at}` names it")
                    }
                    others => format!("{} uses it; stop that first", others.join(", ")),
                };
                Self::new(Cause::Busy, format!("{at} is busy: {who}"))
            }
            Some(libc::EACCES | libc::EPERM) => Self::new(
                Cause::Denied,
                format!(
                    "{at} may not be opened by this user: add the user to the group `video`, \
                     or in a systemd unit set SupplementaryGroups=video and DeviceAllow=char-video4linux rw"
                ),
            ),
            Some(libc::ENOENT) => Self::new(
                Cause::NotFound,
                format!("{at} is not there: plug the camera in, or name another with `device`"),
            ),
            Some(libc::ENODEV | libc::ENXIO | libc::ESHUTDOWN) => {
                Self::new(Cause::Unplugged, format!("{at} went away ({step})"))
            }
            Some(libc::ENOSPC) => Self::new(
                Cause::Bandwidth,
                format!(
                    "{at}: the USB bus has no bandwidth left for it ({step}): use another port, \
                     a smaller size, a lower rate or format = \"mjpg\""
                ),
            ),
            Some(libc::ENOTTY) => {
                Self::new(Cause::NotCamera, format!("{at} is no camera ({step})"))
            }
            _ => Self::new(Cause::Io, format!("{at}: {step} failed: {error}")),
        }
    }
}
