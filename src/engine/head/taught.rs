//! A head that was taught, with all that its file holds.

use std::time::SystemTime;

use super::Head;

/// The label of examples that show nothing of the other labels. A frame that it fits best is
/// published as unknown.
pub const NOTHING: &str = "none";

/// A taught head: what runs, what its outputs mean, and how good it is.
#[derive(Clone, Debug)]
pub struct Taught {
    /// One name for each logit, in order, each once; [`NOTHING`] is among them if it was taught.
    pub labels: Vec<String>,
    /// From features to logits.
    pub head: Head,
    /// Logits are divided by it before softmax, so that scores are calibrated probabilities.
    pub temperature: f32,
    /// When a label is claimed, where the configuration does not tell.
    pub rule: Rule,
    /// How good it was on examples that were left out.
    pub quality: Quality,
    /// A coarse picture of the edges in view, to tell if the camera was moved; empty for none.
    pub scene: Vec<u8>,
    /// SHA-256 of the ONNX file whose features it takes, in hex.
    pub backbone: String,
    /// When it was taught, in whole seconds.
    pub made: SystemTime,
}

/// The rule by which `observe` claims a label, fitted on examples that were left out. The
/// keys of `[observe]` of the same names replace it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// Smoothed score from which a label is claimed.
    pub threshold: f32,
    /// The published label is kept until its smoothed score falls below this.
    pub release: f32,
    /// How far the first label must lead the second to be claimed.
    pub margin: f32,
}

/// How good a head was on examples that were left out, whole bursts at a time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Quality {
    /// Balanced accuracy, 0 to 1; None if no label has two bursts.
    pub accuracy: Option<f32>,
    /// The interval that holds the accuracy on other pictures in 95 of 100 cases; 0 to 1 if
    /// nothing is known.
    pub interval: [f32; 2],
    /// One for each label, in order.
    pub classes: Vec<Class>,
    /// What would make the head better, a sentence each.
    pub warnings: Vec<String>,
}

/// How good a head was on the examples of one label.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Class {
    /// The label.
    pub label: String,
    /// Examples that were taught, near-copies counted once.
    pub examples: u32,
    /// Groups of examples that are near each other in time or alike.
    pub bursts: u32,
    /// Share of its left-out examples that were told right, 0 to 1; None with one burst.
    pub accuracy: Option<f32>,
    /// The label that was told most often instead; None if all were right.
    pub confused_with: Option<String>,
}
