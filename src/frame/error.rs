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
        /// The picture's format.
        format: PixelFormat,
        /// Width in pixels.
        width: usize,
        /// Bytes of a row.
        stride: usize,
        /// Bytes that a row needs.
        need: usize,
    },
    /// The buffer of a raw picture ends early.
    #[error("the buffer has {have} bytes, and {width}x{height} {format} needs {need}")]
    Short {
        /// The picture's format.
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
    /// The requested part is not in the picture.
    #[error("row {y}, column {x} lies outside of the picture")]
    Outside {
        /// Column.
        x: usize,
        /// Row.
        y: usize,
    },
    /// A compressed picture ends early.
    #[error("the JPEG picture ends early")]
    Truncated,
    /// A compressed picture breaks the rules of its format.
    #[error("the JPEG picture is damaged: {0}")]
    Corrupt(Cow<'static, str>),
    /// A compressed picture declares more pixels than are allowed.
    #[error("the picture is {width}x{height}; at most {limit} pixels are allowed")]
    TooLarge {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// The most pixels allowed.
        limit: usize,
    },
    /// A compressed picture is of a kind that Goldcrest does not read.
    #[error("the picture is {0}, which Goldcrest does not read; save it as an ordinary 8-bit JPEG")]
    Unsupported(&'static str),
}

impl Error {
    /// A damaged JPEG, with the damage in words.
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
