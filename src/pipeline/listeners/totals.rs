//! Frames counted by what became of them.

use std::fmt::Display;
use std::io;

use crate::frame::Frame;
use crate::meter::Tally;
use crate::meter::timing::Stages;
use crate::observe::Update;
use crate::pipeline::{Listener, Outcome, Passed};

/// Frames since the start, by what became of them.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// Frames that were classified.
    pub classified: u64,
    /// Frames that the gate let pass by unclassified.
    pub(crate) still: u64,
    /// Frames that were no region's turn.
    pub(crate) no_turn: u64,
    /// Frames that came during a pause.
    pub(crate) paused: u64,
    /// Frames that were no picture, by cause.
    pub(crate) bad: Tally,
    /// Classified frames of which damaged parts were filled in.
    pub(crate) filled_in: u64,
    /// Changes of the published label.
    pub(crate) changes: u64,
}

impl Totals {
    /// All frames.
    pub fn seen(&self) -> u64 {
        self.classified + self.still + self.no_turn + self.paused + self.bad.total()
    }
}

impl Listener for Totals {
    fn outcome(&mut self, outcome: &Outcome<'_>, _: &mut Stages) -> io::Result<()> {
        self.changes += u64::from(matches!(outcome.update, Some(Update::Change { .. })));
        Ok(())
    }

    fn passed(&mut self, _: &Frame, passed: Passed) {
        match passed {
            Passed::Classified { filled_in } => {
                self.classified += 1;
                self.filled_in += u64::from(filled_in);
            }
            Passed::Still => self.still += 1,
            Passed::NoTurn => self.no_turn += 1,
        }
    }

    fn bad_frame(&mut self, _: &Frame, cause: &'static str, _: &dyn Display) -> io::Result<()> {
        self.bad.add(cause);
        Ok(())
    }

    fn lost(&mut self, count: u64, cause: &'static str) {
        self.bad.add_many(cause, count);
    }
}
