//! Reading the frames of one recording, whatever its container.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};

use super::super::{Error, Footprint};
use crate::frame::{Captured, Frame};

/// The most bytes of one picture's file.
pub(super) const MAX_FILE: u64 = 64 << 20;

/// The most bytes of one picture of a stream of MJPEG, of which the first is held before its memory
/// is admitted. Pictures of 8K have less.
pub(super) const MAX_PICTURE: usize = 8 << 20;

/// Reads a recording from its beginning to its end.
pub(super) trait Reader: Send {
    /// Fills the picture of `frame`. `frame.name` holds the recording's path; a reader of several
    /// files replaces it by the path of the frame's file, also where that file is bad.
    fn next(&mut self, frame: &mut Frame) -> Result<Fetched, Error>;

    /// Goes back to the beginning.
    fn rewind(&mut self) -> Result<(), Error>;

    /// The number of frames, where it is known.
    fn len_hint(&self) -> Option<u64> {
        None
    }

    /// Frames a second, where the recording stores it.
    fn frame_rate(&self) -> Option<f64> {
        None
    }

    /// Whether the recording itself tells that its frames follow one another in time, as a stream
    /// does.
    fn is_film(&self) -> bool {
        true
    }

    /// When the last frame was captured, counted from the first, where the recording stores it.
    fn captured(&self) -> Option<Captured> {
        None
    }

    /// The memory that its frames take, from headers and file sizes. Reads a bounded amount and
    /// waits for no frame.
    fn footprint(&self) -> Footprint;

    /// From here on, passes over frames that take more than `most`, where frames of one recording
    /// may differ in size and [`Reader::footprint`] does not know all of them.
    fn limit(&mut self, _most: Footprint) {}
}

/// What a stream is read from.
pub(super) trait Input: BufRead + Send {
    /// Goes back to the byte `to`.
    fn back(&mut self, to: u64) -> io::Result<()>;
}

impl Input for BufReader<File> {
    fn back(&mut self, to: u64) -> io::Result<()> {
        self.seek(SeekFrom::Start(to)).map(drop)
    }
}

/// What the next place of a recording holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fetched {
    /// A frame.
    Frame,
    /// Something that is not a frame.
    Bad {
        /// For the counters.
        cause: &'static str,
        /// For the log, where the file's path stands before it.
        message: String,
    },
    /// Several things that are not frames, and that the log has named.
    Lost {
        /// How many.
        count: u64,
        /// For the counters.
        cause: &'static str,
    },
    /// Nothing yet; ask again.
    Idle,
    /// Nothing: the recording is over.
    End,
}
