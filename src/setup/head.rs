//! The taught head that a configuration or a command line names.

use std::path::{Path, PathBuf};

use super::{Failure, Model, need};
use crate::config::Loaded;
use crate::pipeline::{self, HeadFile, HeadInUse};

/// The file of the head `named`, or of the configured one.
pub fn head_path(loaded: &Loaded, named: Option<&Path>) -> Option<PathBuf> {
    let configured = || loaded.config.model.head_in(loaded.folder());
    named.map(Path::to_path_buf).or_else(configured)
}

/// Reads the head `named`, or the configured one, and has the engine of `model` run it. Without
/// either, the model's own classifier stays.
pub fn head(
    loaded: &Loaded,
    named: Option<&Path>,
    model: &mut Model,
) -> Result<Option<HeadInUse>, Failure> {
    let Some(path) = head_path(loaded, named) else {
        return Ok(None);
    };
    need::head(loaded, model.engine.describe().memory, &path)?;
    let file = HeadFile::read(&path, &model.card, &loaded.config.observe.unknown)?;
    let (weights, head) = file.split();
    let taken = model.engine.set_head(Some(weights));
    taken.map_err(|error| pipeline::named(&path, &error))?;
    log::info!(
        "head: {} ({}, SHA-256 {}...), {}",
        path.display(),
        labels(head.labels.len()),
        head.sha256.abbreviated(),
        right(head.quality.accuracy)
    );
    Ok(Some(head))
}

/// So many labels, in words.
fn labels(count: usize) -> String {
    match count {
        1 => "1 label".into(),
        count => format!("{count} labels"),
    }
}

/// The share of left-out examples that were told right, in words.
fn right(accuracy: Option<f32>) -> String {
    match accuracy {
        Some(share) => format!("{:.0} % right when left out", 100.0 * share),
        None => "not tested: too few examples".into(),
    }
}
