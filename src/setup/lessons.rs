//! What the daemon was taught before.

use std::path::PathBuf;

use super::folders::state_folder;
use super::{Failure, Model};
use crate::config::Loaded;
use crate::engine::HexDigest;
use crate::exit;
use crate::lessons::{self, Inventory, Opening};
use crate::pipeline::{HeadFile, HeadInUse};

/// The lessons that were opened, and their head.
#[derive(Default)]
pub(super) struct Lessons {
    /// None with `teach.enabled = false`.
    pub opening: Option<Opening>,
    /// The head that the engine runs already, if there is one.
    pub head: Option<HeadInUse>,
}

impl Lessons {
    /// The folder.
    pub fn folder(&self) -> Option<PathBuf> {
        self.opening.as_ref().map(Opening::path)
    }
}

/// Opens the folder of lessons, if teaching is enabled, and has the engine of `model` run their
/// head.
pub(super) fn lessons(loaded: &Loaded, model: &mut Model) -> Result<Lessons, Failure> {
    let config = &loaded.config.teach;
    if !config.enabled {
        return Ok(Lessons::default());
    }
    let folder = folder(loaded)?;
    let features = model.engine.features().map(<[f32]>::len);
    let mut opening = Opening::new(config, &folder, &model.card.sha256, features)?;
    for note in opening.notes.drain(..) {
        log::warn!("{note}");
    }
    let state = opening.state();
    log::info!(
        "teach: {} examples of {} labels in {}",
        state.examples(),
        state.labels.len(),
        folder.display()
    );
    warn_without_command(loaded);
    let head = match opening.head.take() {
        Some((taught, sha256)) => run(loaded, model, HeadFile { taught, sha256 }),
        None => None,
    };
    Ok(Lessons {
        opening: Some(opening),
        head,
    })
}

/// The folder of lessons.
fn folder(loaded: &Loaded) -> Result<PathBuf, Failure> {
    state_folder(loaded, loaded.config.teach.folder.as_deref()).ok_or_else(|| {
        Failure::new(
            exit::CONFIG,
            "teach.enabled needs a folder: set teach.folder, or StateDirectory= in the systemd unit",
        )
    })
}

/// What the folder of lessons holds of the model of the SHA-256 `backbone`, in one line and as
/// JSON, told without a change to it.
///
/// # Errors
/// A daemon could not use it.
pub fn inventory(
    loaded: &Loaded,
    backbone: &HexDigest,
    features: usize,
) -> Result<(String, serde_json::Value), Failure> {
    let folder = folder(loaded)?;
    let held = Inventory::of(&loaded.config.teach, &folder, backbone, features)?;
    let json = serde_json::to_value(&held).map_err(|e| Failure::new(exit::SOFTWARE, e))?;
    Ok((held.says(), json))
}

/// Has the engine run the head of lessons. One that it refuses is logged: the configured head takes
/// its place.
fn run(loaded: &Loaded, model: &mut Model, file: HeadFile) -> Option<HeadInUse> {
    let unknown = &loaded.config.observe.unknown;
    if file.taught.labels.contains(unknown) {
        log::warn!(
            "teach: the label {unknown:?} is also observe.unknown, so what was taught is not in force; set another text there"
        );
        return None;
    }
    let (weights, head) = file.split();
    match model.engine.set_head(Some(weights)) {
        Ok(()) => {
            log::info!(
                "teach: the head of these examples is in force ({} labels)",
                head.labels.len()
            );
            Some(head)
        }
        Err(why) => {
            log::warn!("teach: {why}");
            None
        }
    }
}

/// Logs that nobody can teach, if that is so.
fn warn_without_command(loaded: &Loaded) {
    let config = &loaded.config;
    let allowed = config.commands.allow.iter().any(|name| name == "teach");
    if !(config.mqtt.enabled && config.commands.enabled && allowed) {
        log::warn!(
            "teach.enabled, but no command can teach: set mqtt.enabled and commands.enabled, and have \"teach\" in \
             commands.allow"
        );
    }
}

impl From<lessons::Error> for Failure {
    fn from(e: lessons::Error) -> Self {
        Self::new(e.exit_code(), e)
    }
}
