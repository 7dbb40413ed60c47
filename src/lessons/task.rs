//! What the thread of lessons is asked, and what it tells.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::pictures::Shot;
use crate::engine::{HexDigest, Quality, Taught};
use crate::vision::Scene;

/// What is asked of the thread.
#[derive(Debug)]
pub enum Task {
    /// Keep an example of a label: the features of a frame that came at `moment`.
    Example {
        /// The label.
        label: String,
        /// One number for each feature of the model.
        features: Vec<f32>,
        /// When the frame came.
        moment: SystemTime,
        /// The edges in the frame, for the head to tell if the camera was moved.
        edges: Option<Box<Scene>>,
        /// The frame, if a picture of it is to be kept.
        shot: Option<Box<Shot>>,
    },
    /// Take the newest example back.
    Undo,
    /// Take all examples of a label back.
    Forget(String),
    /// Tell what is taught.
    List,
    /// Another model runs.
    Model {
        /// Its SHA-256.
        backbone: HexDigest,
        /// How many features it gives; 0 if it gives none.
        features: usize,
    },
}

/// What was done.
#[derive(Clone, Debug, PartialEq)]
pub enum Did {
    /// An example of this label was kept.
    Taught(String),
    /// The newest example, which was of this label, was taken back.
    Undid(String),
    /// So many examples of this label were taken back.
    Forgot(String, usize),
    /// Nothing but to tell the state.
    Listed,
}

/// What is taught.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// The labels, and how many examples each has.
    pub labels: BTreeMap<String, usize>,
    /// How good the head is on examples that were left out; None without a head.
    pub quality: Option<Quality>,
    /// Why there is no head, or none of all examples; None if all is well.
    pub missing: Option<String>,
}

impl State {
    /// The number of examples.
    pub fn examples(&self) -> usize {
        self.labels.values().sum()
    }

    /// The labels.
    pub fn names(&self) -> Vec<String> {
        self.labels.keys().cloned().collect()
    }
}

/// What becomes of the head in force.
#[derive(Debug)]
pub enum Change {
    /// It stays.
    None,
    /// No head is fitted to examples.
    Gone,
    /// This one takes its place: the head, and the SHA-256 of its file.
    Head(Box<Taught>, HexDigest),
}

/// What the thread has done.
#[derive(Debug)]
pub struct News {
    /// For each task its ticket, and what was done or why nothing was.
    pub answers: Vec<(u64, Result<Did, String>)>,
    /// What is taught now.
    pub state: State,
    /// What becomes of the head.
    pub change: Change,
    /// SHA-256 of the model that all this is about.
    pub backbone: HexDigest,
}
