//! The state to publish.

use super::Ranked;
use crate::frame::Captured;

/// The published state as of one frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Statement<'a> {
    /// The label, or the configured text for unknown.
    pub(crate) label: &'a str,
    /// The label's index; `None` is unknown.
    pub(crate) index: Option<usize>,
    /// Smoothed score of the label, 0 to 1; `None` for unknown, which has none of its own.
    pub(crate) score: Option<f32>,
    /// The best labels by smoothed score, best first.
    pub top: &'a [Ranked],
    /// The first of the frames in a row that led to this label.
    pub(crate) since: Captured,
    /// Number of the frame.
    pub(crate) seq: u64,
    /// When that frame was captured.
    pub(crate) captured: Captured,
    /// The names that the indices of `top` stand for.
    pub(super) labels: &'a [String],
}

impl<'a> Statement<'a> {
    /// The best labels by name with their smoothed scores, best first.
    pub(crate) fn top_names(&self) -> impl Iterator<Item = (&'a str, f32)> + use<'a> {
        let labels = self.labels;
        self.top
            .iter()
            .filter_map(move |r| Some((labels.get(r.index)?.as_str(), r.score)))
    }
}

/// Something to publish.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Update<'a> {
    /// The label changed.
    Change {
        /// The new state.
        statement: Statement<'a>,
        /// The label before, also from before a [withdrawal](super::Observer::withdraw); `None` at
        /// the first one.
        previous: Option<&'a str>,
    },
    /// The label is the same as before the [withdrawal](super::Observer::withdraw).
    Return(Statement<'a>),
    /// Nothing changed, and the heartbeat is due.
    Heartbeat(Statement<'a>),
}

impl<'a> Update<'a> {
    /// The state, new or not.
    pub(crate) fn statement(&self) -> &Statement<'a> {
        match self {
            Self::Change { statement, .. }
            | Self::Return(statement)
            | Self::Heartbeat(statement) => statement,
        }
    }
}
