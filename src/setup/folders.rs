//! The folders in which the daemon remembers something over restarts.

use std::io;
use std::path::{Path, PathBuf};

use super::Failure;
use crate::config::Loaded;
use crate::exit;
use crate::files;

/// The folder of a section that remembers something.
pub struct StateFolder {
    /// The section's name.
    pub section: &'static str,
    path: PathBuf,
}

impl StateFolder {
    /// The folders that the configuration names and its daemon uses.
    pub fn configured(loaded: &Loaded) -> Vec<Self> {
        let config = &loaded.config;
        let (commands, home) = (&config.commands, &config.homeassistant);
        let used = config.mqtt.enabled;
        let folders = [
            ("commands", &commands.folder, commands.keep),
            ("homeassistant", &home.folder, home.enabled),
        ];
        let named = folders.into_iter().filter(|(.., on)| used && *on);
        named
            .filter_map(|(section, folder, _)| {
                let path = loaded.folder().join(folder.as_ref()?);
                Some(Self { section, path })
            })
            .collect()
    }

    /// Makes the folder if it is not there.
    ///
    /// # Errors
    /// It cannot be made, or this user cannot write to it.
    pub fn make(&self) -> Result<(), Failure> {
        files::make_folder(&self.path).map_err(|e| self.refuse(&e))
    }

    /// Tells whether the folder can be used, without a change.
    ///
    /// # Errors
    /// It cannot be made, or this user cannot write to it.
    pub fn probe(&self) -> Result<String, Failure> {
        let path = self.path.display();
        match files::probe_folder(&self.path) {
            Ok(true) => Ok(format!("{path} can be written to")),
            Ok(false) => Ok(format!("{path} will be made")),
            Err(e) => Err(self.refuse(&e)),
        }
    }

    fn refuse(&self, why: &io::Error) -> Failure {
        let code = match why.kind() {
            io::ErrorKind::PermissionDenied => exit::PERMISSION,
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => exit::CONFIG,
            _ => exit::IO,
        };
        let message = format!(
            "{}.folder {} cannot be used: {why}; name a folder that this user can write to, in one that is there",
            self.section,
            self.path.display()
        );
        Failure::new(code, message)
    }
}

/// The `named` folder of a section, or the one that systemd gives to the service.
pub(super) fn state_folder(loaded: &Loaded, named: Option<&Path>) -> Option<PathBuf> {
    match named {
        Some(folder) => Some(loaded.folder().join(folder)),
        None => of_systemd(),
    }
}

/// The folder that systemd gives to the service. It separates several by colons (systemd.exec(5)).
fn of_systemd() -> Option<PathBuf> {
    let folders = std::env::var_os("STATE_DIRECTORY")?;
    std::env::split_paths(&folders).find(|folder| !folder.as_os_str().is_empty())
}
