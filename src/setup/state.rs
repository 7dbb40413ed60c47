//! Where a service keeps its state.

use std::path::PathBuf;

/// The folder that systemd gives to the service. It separates several by colons (systemd.exec(5)).
pub(super) fn state_folder() -> Option<PathBuf> {
    let folders = std::env::var_os("STATE_DIRECTORY")?;
    std::env::split_paths(&folders).find(|folder| !folder.as_os_str().is_empty())
}
