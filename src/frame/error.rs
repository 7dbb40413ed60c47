//! Why a picture cannot be used.

use std::borrow::Cow;

use super::PixelFormat;

/// Why a picture cannot be used. All are recoverable: the frame is counted by [`Error::cause`] and
/// passed over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A side is zero.
    #[error("the picture is {width}x{height}; both sides must be at least 1")]
    Empty {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
    },
    /// A row has fewer bytes than its pixels need.
    #[error(
        "a row of {stride} bytes is too short for {width} pixels of {format}, which need {need}"
    )]
    Stride {
        /// How the bytes were to be read.
        format: PixelFormat,
        /// Width in pixels.
        width: usize,
        /// Bytes a row has.
        stride: usize,
        /// Bytes a row needs.
        need: usize,
    },
    /// The buffer of a raw picture ends early.
    #[error("the buffer has {have} bytes, and {width}x{height} {format} needs {need}")]
    Short {
        /// How the bytes were to be read.
        format: PixelFormat,
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// Bytes there are.
        have: usize,
        /// Bytes needed.
        need: usize,
    },
    /// A part was asked for that the picture does not have.
    #[error("row {y}, column {x} lies outside of the picture")]
    Outside {
        /// Column.
        x: usize,
        /// Row.
        y: usize,
    },
    /// A compressed picture ends before all of it was there.
    #[error("the JPEG picture ends early")]
    Truncated,
    /// A compressed picture contradicts its own rules.
    #[error("the JPEG picture is damaged: {0}")]
    Corrupt(Cow<'static, str>),
    /// A compressed picture says that it is larger than is allowed.
    #[error("the picture is {width}x{height}; at most {limit} pixels are allowed")]
    TooLarge {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// The most pixels allowed.
        limit: usize,
    },
    /// A compressed picture is of a kind that is not read.
    #[error("the picture is {0}, which is not read; save it as an ordinary 8-bit JPEG")]
    Unsupported(&'static str),
}

impl Error {
    /// A damaged JPEG; `what` says how.
    pub(super) const fn corrupt(what: &'static str) -> Self {
        Self::Corrupt(Cow::Borrowed(what))
    }

    /// A short name of the cause, for counters.
    pub const fn cause(&self) -> &'static str {
        match self {
            Self::Empty { .. } => "empty",
            Self::Stride { .. } | Self::Short { .. } => "short",
            Self::Outside { .. } => "outside",
            Self::Truncated => "truncated",
            Self::Corrupt(_) => "corrupt",
            Self::TooLarge { .. } => "too-large",
            Self::Unsupported(_) => "format",
        }
    }
}
