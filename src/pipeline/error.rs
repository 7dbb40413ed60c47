//! Why a frame does not pass the stages.

use std::io;

use crate::{engine, observe};

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
