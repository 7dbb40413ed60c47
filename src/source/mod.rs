//! Where frames come from.

pub mod camera;
mod config;
mod counters;
mod footprint;
mod loss;
mod mode;
mod open;
pub mod recording;
mod status;
pub mod synthetic;

use std::path::PathBuf;
use std::time::Instant;

use crate::frame::Frame;
use crate::meter::Tally;

pub use config::{AtEnd, Config, SourceKind};
pub use counters::FrameCounters;
pub use footprint::Footprint;
pub use loss::{Cause, Loss};
pub use mode::Mode;
pub use open::{Opened, open};
pub use recording::{Recording, RecordingOptions};
pub use status::{Monitor, SourceState, Status};
pub use synthetic::{Synthetic, SyntheticOptions};

/// One place that frames come from, one after the other.
pub trait Source: Send {
    /// Fills `frame` with the next picture: its own buffer, which is reused, or a loan of the
    /// source's. A loan that it still has ends first.
    ///
    /// # Errors
    /// Recoverable trouble is counted inside and reported as [`Next::Idle`] or passed over; an
    /// error is final.
    fn next(&mut self, frame: &mut Frame) -> Result<Next, Error>;

    /// Frames that could not be read, by cause.
    fn passed_over(&self) -> &Tally;

    /// Starts the source's clock again, before the first frame, and returns when it began; `None`
    /// if it has no clock that could.
    fn start(&mut self) -> Option<Instant> {
        None
    }
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
pub enum Error {
    /// A recording is not there or cannot be read.
    #[error("{path}: {cause}", path = .path.display())]
    Io {
        /// The recording.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A recording has no frames.
    #[error("{path}: {looked_for}", path = .path.display())]
    Empty {
        /// The recording.
        path: PathBuf,
        /// What was looked for and not found.
        looked_for: &'static str,
    },
    /// A recording is there and is not what it should be; the message says what to do.
    #[error("{path}: {message}", path = .path.display())]
    Format {
        /// The recording.
        path: PathBuf,
        /// What is wrong with it and what to do.
        message: String,
    },
    /// The configuration names no source that this program has.
    #[error("{0}")]
    Unsupported(&'static str),
    /// A video needs ffmpeg, which is not there.
    #[error(
        "{path}: reading this video needs the ffmpeg program, which is not installed; \
         install it (on Debian: apt install ffmpeg) or give a directory of JPEG or PNG files",
        path = .path.display()
    )]
    NoFfmpeg {
        /// The recording.
        path: PathBuf,
    },
}

impl Error {
    /// The exit code of sysexits.h that says the same.
    pub const fn exit_code(&self) -> u8 {
        const EX_DATAERR: u8 = 65;
        const EX_NOINPUT: u8 = 66;
        const EX_UNAVAILABLE: u8 = 69;
        const EX_CONFIG: u8 = 78;
        match self {
            Self::Io { .. } | Self::Empty { .. } => EX_NOINPUT,
            Self::Format { .. } => EX_DATAERR,
            Self::NoFfmpeg { .. } => EX_UNAVAILABLE,
            Self::Unsupported(_) => EX_CONFIG,
        }
    }
}
