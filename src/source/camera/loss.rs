//! What errors of the system and silence mean for a camera.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::system::System;
use crate::source::{Cause, Loss};

/// The loss that the system's `error` in `step` means for the camera at `path`.
pub(super) fn from_system(system: &dyn System, path: &Path, step: &str, error: &io::Error) -> Loss {
    let at = path.display();
    match error.raw_os_error() {
        Some(libc::EBUSY) => {
            let who = match system.holders(path) {
                others if others.is_empty() => {
                    format!("another program uses it; `fuser -v {at}` names it")
                }
                others => format!("{} uses it; stop that first", others.join(", ")),
            };
            Loss::new(Cause::Busy, format!("{at} is busy: {who}"))
        }
        Some(libc::EACCES | libc::EPERM) => Loss::new(
            Cause::Denied,
            format!(
                "{at} may not be opened by this user: add the user to the group `video`, \
                 or in a systemd unit set SupplementaryGroups=video and DeviceAllow=char-81 rw"
            ),
        ),
        Some(libc::ENOENT) => Loss::new(
            Cause::NotFound,
            format!("{at} is not there: plug the camera in, or name another with `device`"),
        ),
        Some(libc::ENODEV | libc::ENXIO | libc::ESHUTDOWN) => {
            Loss::new(Cause::Unplugged, format!("{at} went away ({step})"))
        }
        Some(libc::ENOSPC) => Loss::new(
            Cause::Bandwidth,
            format!(
                "{at}: the USB bus has no bandwidth left for it ({step}): use another port, \
                 a smaller size, a lower rate or format = \"mjpg\""
            ),
        ),
        Some(libc::ENOTTY) => Loss::new(Cause::NotCamera, format!("{at} is no camera ({step})")),
        _ => Loss::new(Cause::Io, format!("{at}: {step} failed: {error}")),
    }
}

/// The loss of the camera at `path` that sent no whole frame for as long as `silent`, and what it
/// sent `instead`, which may be nothing.
pub(super) fn from_silence(path: &Path, silent: Duration, instead: &str) -> Loss {
    let (at, silent) = (path.display(), silent.as_secs_f64());
    if instead.is_empty() {
        Loss::new(
            Cause::Timeout,
            format!("{at} sent no frame for {silent:.1} s"),
        )
    } else {
        Loss::new(
            Cause::Corrupt,
            format!("{at} sent no whole frame for {silent:.1} s: {instead}"),
        )
    }
}
