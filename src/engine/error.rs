//! The errors of models and engines.

use std::path::PathBuf;

use super::kernels::SetupError;
use crate::exit;

/// Why a model cannot be loaded or run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file is missing or cannot be read or written.
    #[error("{path}: {cause}", path = .path.display())]
    Io {
        /// The file's path.
        path: PathBuf,
        /// The system's reason.
        cause: std::io::Error,
    },
    /// No place where models are looked for has this one.
    #[error("{path}: no such model, looked for as {tried}; set model.path or make one with model/tools", path = .path.display())]
    Missing {
        /// The path that was given.
        path: PathBuf,
        /// The places.
        tried: String,
    },
    /// A file is there, and its content is wrong.
    #[error("{path}: {message}", path = .path.display())]
    Model {
        /// The file's path.
        path: PathBuf,
        /// The fault, and its remedy.
        message: String,
    },
    /// A head that the network's features do not fit.
    #[error("{0}")]
    Head(String),
    /// The kernels or threads that were asked for cannot start.
    #[error("cannot start the engine: {0}")]
    Setup(#[from] SetupError),
    /// The runtime failed during an inference.
    #[error("inference failed: {0}")]
    Run(String),
}

impl Error {
    /// The exit code, from sysexits.h, of a process that this error ends.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Io { .. } | Self::Missing { .. } => exit::NO_INPUT,
            Self::Model { .. } | Self::Head(_) => exit::DATA,
            Self::Setup(_) => exit::CONFIG,
            Self::Run(_) => exit::SOFTWARE,
        }
    }
}
