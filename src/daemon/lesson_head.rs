//! The file of the head that lessons were fitted to.

use std::path::{Path, PathBuf};

use super::settings::Settings;
use crate::engine::Card;
use crate::lessons;
use crate::pipeline::HeadFile;

/// The head that lessons in `folder` were fitted to for the model of the SHA-256 `backbone`, if
/// there is one.
pub(super) fn of(folder: Option<&Path>, backbone: &str) -> Option<PathBuf> {
    let path = lessons::head_path(folder?, backbone);
    path.is_file().then_some(path)
}

/// The same for the model of `settings`, if it can be used. One that cannot is logged.
pub(super) fn usable(folder: Option<&Path>, settings: &Settings) -> Option<PathBuf> {
    let card = Card::read(&settings.model).ok()?;
    let path = of(folder, &card.sha256)?;
    match HeadFile::read(&path, &card, &settings.observe.unknown) {
        Ok(_) => Some(path),
        Err(why) => {
            log::warn!("{why}; the configured head is used instead");
            None
        }
    }
}
