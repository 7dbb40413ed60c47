//! The format of a live stream, and the memory that its frames take.

use crate::source::Footprint;
use crate::source::parse::{EXTRA, PART, RawFormat, SEGMENT};

/// Bytes that a stream is read ahead.
pub(in crate::source) const AHEAD: usize = 64 << 10;

/// How a stream is cut into frames. Where pictures tell their size, it may be this at most, because
/// the memory for them is computed before they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::source) enum Format {
    Mjpeg { width: usize, height: usize },
    Y4m { width: usize, height: usize },
    Raw(RawFormat),
}

impl Format {
    /// The largest picture: width and height.
    pub fn size(&self) -> (usize, usize) {
        match *self {
            Self::Mjpeg { width, height } | Self::Y4m { width, height } => (width, height),
            Self::Raw(raw) => (raw.width, raw.height),
        }
    }

    /// The most bytes of one JPEG picture: one a pixel and tables, which cameras do not reach.
    pub fn most(&self) -> usize {
        let (width, height) = self.size();
        width * height + EXTRA
    }

    /// Bytes of the largest frame as it is handed on.
    fn frame(&self) -> usize {
        match self {
            Self::Mjpeg { .. } => self.most() + SEGMENT,
            // 4:2:2, interleaved.
            Self::Y4m { width, height } => width.div_ceil(2) * 4 * height,
            Self::Raw(raw) => raw.frame_len(),
        }
    }

    /// The memory that the stream and its frames take. Beside the frames that circulate after
    /// every source, one is being filled and one waits in the feed.
    pub fn footprint(&self) -> Footprint {
        let frame = self.frame();
        let (width, height) = self.size();
        let more = match self {
            // A buffer that grows stands twice for a moment.
            Self::Mjpeg { .. } => frame / PART + EXTRA,
            // The planes that are interleaved.
            Self::Y4m { .. } => frame,
            Self::Raw(_) => 0,
        };
        Footprint {
            frame,
            own: AHEAD + 2 * frame + more,
            width,
            height,
            ..Footprint::default()
        }
    }
}
