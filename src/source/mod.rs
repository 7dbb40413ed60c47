//! Sources of frames: cameras, programs, addresses, recordings and drawn pictures.

pub mod camera;
mod config;
mod counters;
mod footprint;
pub mod http;
mod live;
mod loss;
mod mode;
mod open;
mod parse;
pub mod process;
pub(crate) mod recording;
mod status;
pub(crate) mod synthetic;

use std::path::PathBuf;
use std::time::Instant;

use crate::exit;
use crate::frame::Frame;
use crate::meter::Tally;

pub(crate) use config::{AtEnd, Config, SourceKind};
pub(crate) use counters::FrameCounters;
pub use footprint::Footprint;
pub use live::Pauses;
pub use loss::Cause;
pub(crate) use loss::Loss;
pub(crate) use mode::Mode;
pub use open::Opened;
pub(crate) use open::{Looked, Sections, expected, look, open};
pub(crate) use parse::Fetched;
pub(crate) use recording::{Named, is_address, is_listed, is_web, shown_path};
pub use recording::{Recording, RecordingOptions};
pub use status::{Monitor, SourceState, Status};
pub use synthetic::{Synthetic, SyntheticOptions};

/// A source of frames, one after the other.
pub trait Source: Send {
    /// Fills `frame` with the next picture, in the frame's own buffer or as a loan from the source.
    /// A loan that the frame still has ends first.
    ///
    /// # Errors
    /// Final ones only. A recoverable fault is counted, and the frame passed over.
    fn next(&mut self, frame: &mut Frame) -> Result<Next, Error>;

    /// Frames that could not be read, by cause.
    fn passed_over(&self) -> &Tally;

    /// Starts the source's clock again, before the first frame, and returns when it began; `None`
    /// for a source whose clock cannot start again.
    fn start(&mut self) -> Option<Instant> {
        None
    }
}

/// The outcome of [`Source::next`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The frame was filled.
    Frame,
    /// No frame came within the source's own time-out; call again.
    Idle,
    /// There are no more frames.
    End,
}

/// Why a source cannot go on. All are fatal.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A recording does not exist or cannot be read.
    #[error("{path}: {cause}", path = .path.display())]
    Io {
        /// The recording.
        path: PathBuf,
        /// The system's error.
        cause: std::io::Error,
    },
    /// A recording has no frames.
    #[error("{path}: {reason}", path = .path.display())]
    Empty {
        /// The recording.
        path: PathBuf,
        /// The reason, in words.
        reason: &'static str,
    },
    /// A recording exists and cannot be used.
    #[error("{path}: {message}", path = .path.display())]
    Format {
        /// The recording.
        path: PathBuf,
        /// The fault, and what to do about it.
        message: String,
    },
    /// The end was requested while the recording was waited for.
    #[error("interrupted before the first picture")]
    Interrupted,
    /// A program or an address that was tried gives no pictures.
    #[error("{0}")]
    Lost(Loss),
    /// A file that the configuration names for the source cannot be used.
    #[error("{0}")]
    Unusable(String),
    /// The configuration names no source that Goldcrest has.
    #[error("{0}")]
    Unsupported(&'static str),
    /// The file needs ffmpeg, which is not installed.
    #[error(
        "{path}: this is {kind}, and reading it needs the ffmpeg program, which is not installed; \
         install it (on Debian: apt install ffmpeg) or convert the file to JPEG or PNG",
        path = .path.display()
    )]
    NoFfmpeg {
        /// The recording.
        path: PathBuf,
        /// What it is, as in `a video`.
        kind: &'static str,
    },
}

impl Error {
    /// The exit code of the command that fails with it.
    pub(crate) const fn exit_code(&self) -> u8 {
        match self {
            Self::Io { .. } | Self::Empty { .. } => exit::NO_INPUT,
            Self::Interrupted => exit::INTERRUPTED,
            Self::Format { .. } => exit::DATA,
            Self::NoFfmpeg { .. } => exit::UNAVAILABLE,
            Self::Lost(loss) => match loss.cause {
                Cause::NotFound => exit::NO_INPUT,
                Cause::Denied => exit::PERMISSION,
                Cause::NoFormat | Cause::WrongSize => exit::DATA,
                _ => exit::UNAVAILABLE,
            },
            Self::Unsupported(_) | Self::Unusable(_) => exit::CONFIG,
        }
    }
}
