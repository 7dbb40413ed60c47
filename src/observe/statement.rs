//! What is said.

use super::Ranked;
use crate::frame::Captured;

/// What was seen, as it would be said at one frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Statement<'a> {
    /// The label, or the text for unknown.
    pub label: &'a str,
    /// The label's index; `None` is unknown.
    pub index: Option<usize>,
    /// Smoothed score of the label, 0 to 1; for unknown that of the best label, which was not
    /// enough.
    pub score: f32,
    /// The best labels by smoothed score, best first.
    pub top: &'a [Ranked],
    /// The first of the frames in a row that led to this label.
    pub since: Captured,
    /// Number of the frame at which it is said.
    pub seq: u64,
    /// When that frame was captured.
    pub captured: Captured,
    /// The names that the indices of `top` stand for.
    pub(super) labels: &'a [String],
}

impl<'a> Statement<'a> {
    /// The best labels by name with their smoothed scores, best first.
    pub fn top_names(&self) -> impl Iterator<Item = (&'a str, f32)> + use<'a> {
        let labels = self.labels;
        self.top
            .iter()
            .filter_map(move |r| Some((labels.get(r.index)?.as_str(), r.score)))
    }
}

/// Something to say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Say<'a> {
    /// The label is another one than before.
    Change {
        /// What is said now.
        statement: Statement<'a>,
        /// The label before; `None` at the first one.
        previous: Option<&'a str>,
    },
    /// Nothing has changed, and the heartbeat is due.
    Heartbeat(Statement<'a>),
}

impl<'a> Say<'a> {
    /// What is said, new or not.
    pub fn statement(&self) -> &Statement<'a> {
        match self {
            Self::Change { statement, .. } | Self::Heartbeat(statement) => statement,
        }
    }
}
