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
    /// A compressed picture is wider or higher than its source may send.
    #[error(
        "the picture is {width}x{height}, and its source was admitted for {}x{}",
        most.0,
        most.1
    )]
    Beyond {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// The largest width and height.
        most: (usize, usize),
    },
    /// A compressed picture has more bytes than its source may send.
    #[error("the picture has {} KiB; at most {} KiB are allowed for it", bytes >> 10, most >> 10)]
    TooLong {
        /// Bytes of the picture.
        bytes: usize,
        /// The most bytes allowed.
        most: usize,
    },
    /// A compressed picture has to be decoded as a whole and takes more than is allowed for that.
    #[error(
        "the picture is progressive, in several scans or of a rare sampling: decoding it takes {} KiB, \
         and {} KiB are allowed for that; save it as an ordinary JPEG",
        need >> 10,
        most >> 10
    )]
    Several {
        /// Bytes that decoding takes.
        need: usize,
        /// The most bytes allowed.
        most: usize,
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
            Self::TooLarge { .. } | Self::Beyond { .. } => "too-large",
            Self::TooLong { .. } => "too-long",
            Self::Several { .. } => "progressive",
            Self::Unsupported(_) => "format",
        }
    }
}
