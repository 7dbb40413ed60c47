//! Chooses the engine for a model.

use std::path::{Path, PathBuf};

use super::bundle;
use super::card::Card;
use super::classifier::Classifier;
use super::error::Error;
use super::interface::Engine;
use super::onnx::Onnx;

/// The bundle that [`open`] takes for the model at `path`: itself, or the one that [`bundle::find`]
/// finds.
pub(crate) fn packed(path: &Path, card: &Card) -> Option<PathBuf> {
    if path.extension().is_some_and(|e| e == "bundle") {
        Some(path.to_path_buf())
    } else {
        bundle::find(path, &card.sha256)
    }
}

/// Opens the model at `path` with the best engine that can run it, `threads` threads wide.
///
/// That is the int8 engine if `path` is a bundle, or a bundle of this model stands beside it or in
/// the user's cache (see [`bundle::find`]); otherwise plain tract.
///
/// # Errors
/// [`Error::Io`] and [`Error::Model`] name the file and the remedy; [`Error::Setup`] when kernels
/// or threads cannot start; [`Error::Run`] when tract refuses the plan.
pub fn open(path: &Path, card: &Card, threads: usize) -> Result<Box<dyn Engine>, Error> {
    if let Some(bundle) = packed(path, card) {
        let beside = path.with_file_name(bundle::NAME);
        if bundle != path && bundle != beside && beside.exists() {
            log::warn!(
                "{} is no bundle of this model that this version reads; using {} instead; pack the model again with \
                 `goldcrest pack`",
                beside.display(),
                bundle.display()
            );
        }
        return Ok(Box::new(Classifier::open(&bundle, card, threads)?));
    }
    let engine = Onnx::open(path, card)?;
    log::warn!(
        "{} runs through plain tract, in float and on one thread: five to ten times slower and with five times the \
         memory; make a bundle with `goldcrest pack`",
        path.display()
    );
    Ok(Box::new(engine))
}
