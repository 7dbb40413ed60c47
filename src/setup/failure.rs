//! Why a command failed, with its exit code.

use std::fmt;
use std::io;

use crate::{config, daemon, engine, exit, metrics, pipeline, publish, record, source, teach};

/// Why a command failed: one line that says what, where and what to do, and the exit code.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Exit code, one of [`exit::ALL`].
    pub code: u8,
    /// The line.
    pub message: String,
}

impl Failure {
    /// A failure with this line.
    pub fn new(code: u8, message: impl fmt::Display) -> Self {
        Self {
            code,
            message: message.to_string(),
        }
    }

    /// The system refused something that every process may have.
    pub fn system(cause: io::Error) -> Self {
        Self::new(exit::SYSTEM, format!("signal handlers: {cause}"))
    }
}

impl From<config::Error> for Failure {
    fn from(e: config::Error) -> Self {
        Self::new(exit::CONFIG, e)
    }
}

impl From<engine::Error> for Failure {
    fn from(e: engine::Error) -> Self {
        Self::new(e.exit_code(), e)
    }
}

impl From<teach::Error> for Failure {
    fn from(e: teach::Error) -> Self {
        Self::new(e.exit_code(), e)
    }
}

impl From<source::Error> for Failure {
    fn from(e: source::Error) -> Self {
        Self::new(e.exit_code(), e)
    }
}

impl From<record::Error> for Failure {
    fn from(e: record::Error) -> Self {
        let code = match &e {
            record::Error::NotEmpty(_) | record::Error::NotFolder(_) => exit::USAGE,
            record::Error::Full { .. } | record::Error::Io { .. } => exit::IO,
            record::Error::Frame(_) => exit::DATA,
        };
        Self::new(code, e)
    }
}

impl From<publish::Error> for Failure {
    fn from(e: publish::Error) -> Self {
        Self::new(e.exit_code(), e)
    }
}

impl From<metrics::Error> for Failure {
    fn from(e: metrics::Error) -> Self {
        Self::new(exit::CONFIG, e)
    }
}

impl From<pipeline::Error> for Failure {
    fn from(e: pipeline::Error) -> Self {
        let code = match &e {
            pipeline::Error::Engine(e) => e.exit_code(),
            // The network's answers are no scores: the model is bad.
            pipeline::Error::Scores(_) => exit::DATA,
            pipeline::Error::Output(_) => exit::IO,
        };
        Self::new(code, e)
    }
}

impl From<pipeline::HeadError> for Failure {
    fn from(e: pipeline::HeadError) -> Self {
        let code = match &e {
            pipeline::HeadError::Missing(_) => exit::NO_INPUT,
            pipeline::HeadError::Unfit(e) => e.exit_code(),
            pipeline::HeadError::Unknown { .. } => exit::CONFIG,
        };
        Self::new(code, e)
    }
}

impl From<daemon::Error> for Failure {
    fn from(e: daemon::Error) -> Self {
        match e {
            daemon::Error::Source(e) => e.into(),
            daemon::Error::Pipeline(e) => e.into(),
            e @ daemon::Error::Thread(_) => Self::new(exit::SYSTEM, e),
            e @ daemon::Error::Panicked => Self::new(exit::SOFTWARE, e),
        }
    }
}
