//! What one frame led to, and who hears of it.

use std::fmt::Display;
use std::io;

use super::error::Error;
use crate::engine::Input;
use crate::frame::Frame;
use crate::meter::timing::Stages;
use crate::observe::{Rule, Update};
use crate::publish::Hashes;
use crate::vision::GateReading;

/// What a look at one frame led to: at the whole picture, or at a region of it.
pub struct Outcome<'a> {
    /// The frame. Bytes that it had on loan are returned already.
    pub frame: &'a Frame,
    /// The place of the region in the configuration; 0 without regions. The region's name is in
    /// `hashes`.
    pub(crate) place: usize,
    /// What the gate found; `None` without a gate.
    pub gate: Option<GateReading>,
    /// The share of the picture that had no data and was made up, 0 to 1; 0 where the gate was
    /// closed.
    pub(crate) made_up: f32,
    /// The model's input, f32 `[3, height, width]`, and its shape; `None` where the gate was
    /// closed.
    pub(crate) input: Option<(&'a [f32], &'a Input)>,
    /// One probability a label, lowered by how unfamiliar a taught head finds the frame; those of
    /// the last classified frame where the gate was closed.
    pub(crate) scores: &'a [f32],
    /// [`Engine::features`](crate::engine::Engine::features) of this frame alone, without
    /// smoothing. Where the gate was closed, those of the last classified frame without regions, and
    /// `None` with them.
    pub(crate) features: Option<&'a [f32]>,
    /// The labels of the model or of the head, in the order of `scores`.
    pub(crate) labels: &'a [String],
    /// The rule by which labels are claimed.
    pub(crate) rule: Rule,
    /// The region, the model and the head.
    pub hashes: Hashes<'a>,
    /// The state to publish, where one is due.
    pub(crate) update: Option<Update<'a>>,
}

impl Outcome<'_> {
    /// Returns false where the gate was closed and the frame counts as the one before.
    pub(crate) fn classified(&self) -> bool {
        self.gate.is_none_or(|gate| gate.open)
    }
}

/// What became of a frame as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed {
    /// It was classified, with regions at least one of it.
    Classified {
        /// Damaged parts of what was classified were filled in.
        filled_in: bool,
    },
    /// The gate found nothing that is worth an inference.
    Still,
    /// It was no region's turn.
    NoTurn,
}

impl Passed {
    /// Adds a region that was `classified`, parts of it `filled_in`, or found still.
    pub(super) fn add(&mut self, classified: bool, filled_in: bool) {
        *self = match (*self, classified) {
            (Self::Classified { filled_in: before }, _) => Self::Classified {
                filled_in: before || filled_in,
            },
            (_, true) => Self::Classified { filled_in },
            (_, false) => Self::Still,
        };
    }
}

/// Hears of every frame that the pipeline was given.
///
/// A frame has one outcome. With regions it has one for each region whose turn it is, in the order
/// of the configuration, and may have none.
pub trait Listener {
    /// A frame comes and has its bytes still. `near` tells that it may change the published state;
    /// without that it does not.
    fn frame(&mut self, _frame: &Frame, _near: bool) {}

    /// A frame passed the stages. Time spent on publishing and the latency are added to `stages`.
    ///
    /// # Errors
    /// Output that cannot be written ends the run.
    fn outcome(&mut self, outcome: &Outcome<'_>, stages: &mut Stages) -> io::Result<()>;

    /// All outcomes of a frame were told.
    fn passed(&mut self, _frame: &Frame, _passed: Passed) {}

    /// A frame was no picture, for the reason `error`, and is passed over. `cause` is the name that
    /// it is counted by.
    ///
    /// # Errors
    /// As for [`Listener::outcome`].
    fn bad_frame(
        &mut self,
        _frame: &Frame,
        _cause: &'static str,
        _error: &dyn Display,
    ) -> io::Result<()> {
        Ok(())
    }

    /// `count` frames that the log has named are passed over, for the reason `cause`.
    fn lost(&mut self, _count: u64, _cause: &'static str) {}
}

/// A listener that may be left out.
impl<L: Listener> Listener for Option<L> {
    fn frame(&mut self, frame: &Frame, near: bool) {
        if let Some(listener) = self {
            listener.frame(frame, near);
        }
    }

    fn outcome(&mut self, outcome: &Outcome<'_>, stages: &mut Stages) -> io::Result<()> {
        self.as_mut()
            .map_or(Ok(()), |listener| listener.outcome(outcome, stages))
    }

    fn passed(&mut self, frame: &Frame, passed: Passed) {
        if let Some(listener) = self {
            listener.passed(frame, passed);
        }
    }

    fn bad_frame(
        &mut self,
        frame: &Frame,
        cause: &'static str,
        error: &dyn Display,
    ) -> io::Result<()> {
        self.as_mut()
            .map_or(Ok(()), |listener| listener.bad_frame(frame, cause, error))
    }

    fn lost(&mut self, count: u64, cause: &'static str) {
        if let Some(listener) = self {
            listener.lost(count, cause);
        }
    }
}

/// Tells `listeners` of a frame that is no picture and is passed over, for the reason `error`,
/// which is counted as `cause`.
///
/// # Errors
/// A listener could not write its output.
pub(crate) fn pass_over(
    frame: &Frame,
    cause: &'static str,
    error: &dyn Display,
    listeners: &mut [&mut dyn Listener],
) -> Result<(), Error> {
    for listener in listeners {
        listener
            .bad_frame(frame, cause, error)
            .map_err(Error::Output)?;
    }
    Ok(())
}

/// Tells `listeners` of `count` frames that are passed over and that the log has named.
pub(crate) fn lose(count: u64, cause: &'static str, listeners: &mut [&mut dyn Listener]) {
    for listener in listeners {
        listener.lost(count, cause);
    }
}
