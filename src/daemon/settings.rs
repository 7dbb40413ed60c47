//! What a running daemon can change.

use std::path::{Path, PathBuf};

use log::LevelFilter;

use super::health::Config as HealthConfig;
use crate::{memory, observe, region, review, vision};

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
    /// Parts of the picture that are looked at each by itself, with the paths of their heads; none
    /// for the picture as a whole.
    pub regions: Vec<region::Config>,
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

impl Settings {
    /// How each look sees pictures, and of how many frames it is at one.
    pub(crate) fn views(&self) -> Vec<(vision::Config, u32)> {
        if self.regions.is_empty() {
            return vec![(self.vision.clone(), 1)];
        }
        let view = |region: &region::Config| (region.seen(&self.vision), region.every);
        self.regions.iter().map(view).collect()
    }

    /// The file of the taught head of each look.
    pub(crate) fn heads(&self) -> Vec<Option<&Path>> {
        let own = self.head.as_deref();
        if self.regions.is_empty() {
            return vec![own];
        }
        let regions = self.regions.iter();
        regions
            .map(|region| region.head.as_deref().or(own))
            .collect()
    }
}
