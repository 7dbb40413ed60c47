//! What the commands have in common: from a configuration to the model that it names.

use std::path::{Path, PathBuf};

use super::{ConfigOption, Failure};
use crate::config::{self, Loaded};
use crate::engine::{self, Card, Engine};
use crate::service;

/// Loads the configuration, starts the log and says which file is used.
pub fn configuration(option: &ConfigOption) -> Result<Loaded, Failure> {
    let loaded = config::load(option.path.as_deref())?;
    service::start_log(&loaded.config.log);
    match &loaded.path {
        Some(path) => log::info!("configuration: {}", path.display()),
        None => log::info!("configuration: none found, the defaults are used"),
    }
    Ok(loaded)
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

/// Opens `named`, or the configured model, with `threads`, or as many as are configured.
pub fn model(
    loaded: &Loaded,
    named: Option<&Path>,
    threads: Option<usize>,
) -> Result<Model, Failure> {
    let settings = &loaded.config.model;
    let path = match named {
        Some(path) => engine::locate(path, Path::new(""))?,
        None => engine::locate(&settings.path, loaded.folder())?,
    };
    let card = Card::read(&path)?;
    let engine = engine::open(&path, &card, threads.unwrap_or(settings.threads))?;
    log::info!(
        "model: {} ({} labels), {}",
        path.display(),
        card.labels.len(),
        engine.describe().kernel
    );
    Ok(Model { path, card, engine })
}
