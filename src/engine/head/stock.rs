//! The bundle's own classifier.

use crate::engine::bundle::{Bundle, Manifest, filled};
use crate::engine::ops::Workspace;

/// The classifier of the bundle, in int8.
#[derive(Debug)]
pub(in crate::engine) struct Stock {
    /// Filled.
    logits: Vec<f32>,
    classes: usize,
}

impl Stock {
    /// The head of a bundle with this manifest.
    pub fn new(manifest: &Manifest) -> Self {
        Self {
            logits: vec![0.0; filled(manifest.classes)],
            classes: manifest.classes,
        }
    }

    /// Computes the logits of the mean over the last feature map.
    ///
    /// LayerNorm goes straight to bytes. Features that were rounded to f32 in between would now and
    /// then round to another byte, and logits would not stay what they are.
    pub fn run(&mut self, bundle: &Bundle, workspace: &mut Workspace, mean: &[f32]) {
        let head = &bundle.manifest().head;
        let (norm, layer) = (bundle.norm(&head.norm), bundle.linear(&head.layer));
        let Workspace { machine, arena, .. } = workspace;
        let scratch = arena.scratch();
        machine.norm_bytes(mean, &norm, &layer, scratch.activations);
        let (bytes, prepared) = (scratch.activations, scratch.prepared);
        machine.linear(bytes, 1, &layer, prepared, &mut self.logits);
    }

    /// The logits of the last run.
    pub fn logits(&self) -> &[f32] {
        &self.logits[..self.classes]
    }
}
