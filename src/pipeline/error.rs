//! Why a frame does not pass the stages.

use std::io;

use crate::{engine, frame, observe};

/// Why the pipeline cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The engine failed; the next frame would fail too.
    #[error(transparent)]
    Engine(#[from] engine::Error),
    /// The logits are not numbers: the model or its input is wrong.
    #[error(transparent)]
    Scores(#[from] observe::scores::Error),
    /// A listener could not write its output.
    #[error("standard output: {0}")]
    Output(io::Error),
}

/// A frame that did not pass the stages.
pub(super) enum Stopped {
    /// It is no picture; the next one may be.
    Bad(frame::Error),
    /// See [`Error`].
    Failed(Error),
}

impl<E: Into<Error>> From<E> for Stopped {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}
