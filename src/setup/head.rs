//! The taught heads that a configuration or a command line names.

use std::path::{Path, PathBuf};

use super::{Failure, Model, need};
use crate::config::Loaded;
use crate::pipeline::{self, HeadFile, HeadInUse};
use crate::region;

/// The file of the head `named`, or of the configured one.
fn head_path(loaded: &Loaded, named: Option<&Path>) -> Option<PathBuf> {
    let configured = || loaded.config.model.head_in(loaded.folder());
    named.map(Path::to_path_buf).or_else(configured)
}

/// Reads the head of each region, or without regions the one of the picture, and puts them in
/// their places in the engine of `model`. A region without one of its own has the one `named`, or
/// else the configured one.
pub fn heads(
    loaded: &Loaded,
    named: Option<&Path>,
    model: &mut Model,
) -> Result<Vec<Option<HeadInUse>>, Failure> {
    place(loaded, head_paths(loaded, named), model)
}

/// The files of [`heads`].
pub fn head_paths(loaded: &Loaded, named: Option<&Path>) -> Vec<Option<PathBuf>> {
    let other = head_path(loaded, named);
    let regions = &loaded.config.region;
    if regions.is_empty() {
        return vec![other];
    }
    let of = |region: &region::Config| region.below(loaded.folder()).head.or(other.clone());
    regions.iter().map(of).collect()
}

/// Reads the heads at `paths`, and puts them in their places in the engine of `model`.
fn place(
    loaded: &Loaded,
    paths: Vec<Option<PathBuf>>,
    model: &mut Model,
) -> Result<Vec<Option<HeadInUse>>, Failure> {
    let files = || paths.iter().flatten();
    let Some(first) = files().next() else {
        return Ok(paths.iter().map(|_| None).collect());
    };
    need::heads(loaded, model.engine.describe().memory, files())?;
    let (mut weights, mut heads) = (Vec::new(), Vec::new());
    for path in &paths {
        let read = |path| HeadFile::read(path, &model.card, &loaded.config.observe.unknown);
        let file = path.as_deref().map(read).transpose()?;
        let (head, in_use) = file.map(HeadFile::split).unzip();
        weights.push(head);
        heads.push(in_use);
    }
    let taken = model.engine.set_heads(weights);
    taken.map_err(|error| pipeline::named(first, &error))?;
    for (path, head) in paths.iter().zip(&heads) {
        if let (Some(path), Some(head)) = (path, head) {
            log::info!(
                "head: {} ({}, SHA-256 {}...), {}",
                path.display(),
                labels(head.labels.len()),
                head.sha256.abbreviated(),
                right(head.quality.accuracy)
            );
        }
    }
    Ok(heads)
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
