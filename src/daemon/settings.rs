//! What a running daemon can change.

use std::path::PathBuf;

use log::LevelFilter;

use super::health::Config as HealthConfig;
use crate::{memory, observe, review, vision};

/// The part of the configuration that a running daemon can take over.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The ONNX file or the bundle.
    pub model: PathBuf,
    /// The file of a taught head; `None` for the model's own classifier.
    pub head: Option<PathBuf>,
    /// Threads that one inference uses.
    pub threads: usize,
    /// How frames become the model's input.
    pub vision: vision::Config,
    /// Which frames are worth an inference.
    pub gate: vision::GateConfig,
    /// When a label is published.
    pub observe: observe::Config,
    /// Which pictures are kept for review, where and in what form.
    pub review: review::Config,
    /// How often health is published.
    pub health: HealthConfig,
    /// How much memory is allowed.
    pub memory: memory::Config,
    /// Which lines are logged.
    pub log: LevelFilter,
}
