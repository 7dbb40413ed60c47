//! What streams are read from, and what their next place holds.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};

/// The most bytes of one picture's file.
pub(in crate::source) const MAX_FILE: u64 = 64 << 20;

/// The most bytes of one picture of a stream of MJPEG, of which the first is held before its memory
/// is admitted. Pictures of 8K have less.
pub(in crate::source) const MAX_PICTURE: usize = 8 << 20;

/// What a stream is read from, if it can be read again.
pub(in crate::source) trait Input: BufRead + Send {
    /// Goes back to the byte `to`.
    fn back(&mut self, to: u64) -> io::Result<()>;
}

impl Input for BufReader<File> {
    fn back(&mut self, to: u64) -> io::Result<()> {
        self.seek(SeekFrom::Start(to)).map(drop)
    }
}

/// What the next place of a recording or a stream holds.
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
