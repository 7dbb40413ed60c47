//! From a configuration to the model that it names.

use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Resource, Rlimit, setrlimit};

use super::{Failure, need};
use crate::config::{self, Loaded};
use crate::engine::{self, Card, Engine, HexDigest, Output, Runner, Standing, bundle};
use crate::exit;
use crate::logging;
use crate::memory;
use crate::source::Footprint;

/// Loads the configuration, starts the log and logs the file that is used. From here on this
/// process holds secrets, and leaves no core dump.
pub fn configuration(named: Option<&Path>) -> Result<Loaded, Failure> {
    configuration_for(named, None)
}

/// The same for a command whose line names a `head`, or none.
///
/// # Errors
/// As [`configuration`].
pub fn configuration_for(named: Option<&Path>, head: Option<&Path>) -> Result<Loaded, Failure> {
    leave_no_dump();
    let loaded = config::load_for(named, head.is_some())?;
    logging::start(&loaded.config.log);
    match &loaded.path {
        Some(path) => log::info!(
            "configuration: {}{}{}",
            path.display(),
            loaded.beside(),
            loaded.passes_over()
        ),
        None => log::info!(
            "configuration: none found, the defaults are used{}",
            loaded.passes_over()
        ),
    }
    Ok(loaded)
}

/// Keeps the memory of this process, which holds secrets, out of core dumps.
pub fn leave_no_dump() {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    // Nobody is refused a lower limit than the present one.
    let _ = setrlimit(Resource::Core, none);
    // The limit does not hold where the kernel hands dumps to a program (core(5)). Such a dump then
    // has none of this process's memory. Without the file there are no dumps either.
    let _ = std::fs::write("/proc/self/coredump_filter", "0");
}

/// Logs which files with secrets every user can read.
pub fn warn_of_exposed(loaded: &Loaded) {
    for line in &loaded.exposed {
        log::warn!("{line}");
    }
}

/// A model that is ready to run.
pub struct Model {
    /// The ONNX file.
    pub path: PathBuf,
    /// What stands beside it.
    pub card: Card,
    /// What runs it.
    pub engine: Box<dyn Engine>,
}

/// Where a model without a bundle may be packed before it is opened, and the memory that must be
/// admitted first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// Into the user's cache, by a child process. The budget must hold what a packed network takes.
    Cache,
    /// Nowhere: a service writes nothing, and a model that could be packed is refused. The budget
    /// must hold the whole daemon with a source of this footprint.
    Never(Footprint),
    /// Nowhere, likewise. A packed network that fits the budget by itself is opened, so that
    /// `check` can tell of the rest.
    Check(Footprint),
}

/// Finds `named`, or the configured model, and reads its card.
pub fn located(loaded: &Loaded, named: Option<&Path>) -> Result<(PathBuf, Card), Failure> {
    let path = match named {
        Some(path) => engine::locate(path, Path::new(""))?,
        None => engine::locate(&loaded.config.model.path, loaded.folder())?,
    };
    let card = Card::read(&path).map_err(|error| {
        // A file that is no model has no card either.
        engine::no_model(&path).unwrap_or(error)
    })?;
    let unknown = &loaded.config.observe.unknown;
    if card.labels.contains(unknown) {
        let message = format!(
            "{}: its label {unknown:?} is also observe.unknown, and subscribers could not tell them apart; \
             set another text there",
            path.display()
        );
        return Err(Failure::new(exit::CONFIG, message));
    }
    Ok((path, card))
}

/// Opens `named`, or the configured model, with `threads`, or as many as are configured.
pub fn model(
    loaded: &Loaded,
    named: Option<&Path>,
    threads: Option<usize>,
    packing: Packing,
) -> Result<Model, Failure> {
    let (path, card) = located(loaded, named)?;
    // Reading the configuration took memory that the weights can use.
    memory::trim();
    let standing = match (engine::standing(&path, &card)?, packing) {
        (Standing::Unpacked(why), Packing::Never(_) | Packing::Check(_)) => {
            return Err(why.into());
        }
        (standing, _) => standing,
    };
    let opening = Opening {
        loaded,
        path: &path,
        card: &card,
        threads: threads.unwrap_or(loaded.config.model.threads),
        packing,
    };
    let engine = match opening.engine(&standing) {
        Err(Refused::Engine(error)) if packing == Packing::Cache => {
            let unpacked = engine::damaged(&path, error)?;
            opening.engine(&Standing::Unpacked(unpacked))?
        }
        opened => opened?,
    };
    let described = engine.describe();
    log::info!(
        "model: {} ({} labels), {}",
        path.display(),
        card.labels.len(),
        described.kernel
    );
    if described.output != Output::Logits && card.temperature != 1.0 {
        log::warn!(
            "{} computes its own {}, so calibration.temperature of model.toml is not applied",
            path.display(),
            described.output
        );
    }
    Ok(Model { path, card, engine })
}

/// Why a model does not run.
enum Refused {
    /// The engine refuses it.
    Engine(engine::Error),
    /// It needs more memory than there may be.
    Memory(Failure),
}

impl From<engine::Error> for Refused {
    fn from(error: engine::Error) -> Self {
        Self::Engine(error)
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Engine(error) => error.into(),
            Refused::Memory(failure) => failure,
        }
    }
}

/// A model that is about to be opened.
struct Opening<'a> {
    loaded: &'a Loaded,
    path: &'a Path,
    card: &'a Card,
    threads: usize,
    packing: Packing,
}

impl Opening<'_> {
    /// Opens the model as it stands, once its memory is admitted.
    fn engine(&self, standing: &Standing) -> Result<Box<dyn Engine>, Refused> {
        let Self {
            loaded, path, card, ..
        } = *self;
        match standing {
            Standing::Packed(_) => {}
            Standing::Unpacked(why) => {
                log::warn!("{why}");
                if engine::cached(card).is_none() {
                    pack(path, &card.sha256);
                }
            }
            Standing::Plain(why) => log::warn!("{why}"),
        }
        let runner = engine::runner(standing, path, card, self.threads)?;
        let admitted = match (&runner, self.packing) {
            (Runner::Packed(prepared), Packing::Cache | Packing::Check(_)) => {
                need::engine(loaded, prepared.memory())
            }
            (Runner::Packed(prepared), Packing::Never(source)) => {
                need::expected(loaded, (path, card), Some(prepared), source)
            }
            (Runner::Plain, Packing::Never(source) | Packing::Check(source)) => {
                need::expected(loaded, (path, card), None, source)
            }
            // Nobody knows what plain tract takes, and a person who looks on may stop it.
            (Runner::Plain, Packing::Cache) => Ok(()),
        };
        admitted.map_err(Refused::Memory)?;
        Ok(runner.open(path, card)?)
    }
}

/// Packs a model into the user's cache. The work is a child's, so that its memory is not this
/// process's.
///
/// A model that cannot be packed still runs through plain tract, so a failure is only logged.
fn pack(model: &Path, sha256: &HexDigest) {
    let Some(folder) = bundle::cache_folder(sha256) else {
        return;
    };
    log::info!(
        "packing {} into {}, once",
        model.display(),
        folder.display()
    );
    let child = std::env::current_exe().and_then(|program| {
        Command::new(program)
            .arg("pack")
            .arg(model)
            .arg("-o")
            .arg(&folder)
            .output()
    });
    match child {
        Ok(output) if output.status.success() => {}
        Ok(output) => log::warn!(
            "not packed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        ),
        Err(e) => log::warn!("not packed: {e}"),
    }
}
