//! Where frames come from.

pub mod camera;

use crate::frame::Frame;

/// One place that frames come from, one after the other.
pub trait Source: Send {
    /// Fills `frame` with the next picture, reusing its buffer.
    ///
    /// # Errors
    /// Recoverable trouble is counted inside and reported as [`Next::Idle`] or passed over; an error is final.
    fn next(&mut self, frame: &mut Frame) -> Result<Next, Error>;
}

/// What became of one call to [`Source::next`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The frame was filled.
    Frame,
    /// Nothing came within the source's own time-out; ask again.
    Idle,
    /// There are no more frames.
    End,
}

/// Why a source cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {}
