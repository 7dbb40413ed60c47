//! A file that holds a YUV4MPEG2 stream.

use std::fs::File;
use std::io::{self, BufReader, Seek};
use std::path::{Path, PathBuf};

use super::super::reader::{Fetched, Reader};
use super::stream::{StreamError, Y4mStream};
use crate::frame::Frame;
use crate::source::{Error, Footprint};

/// Reads the frames of one file.
pub struct Y4mFile {
    path: PathBuf,
    stream: Y4mStream<BufReader<File>>,
    /// Where the first frame begins.
    begin: u64,
    frames: u64,
    /// Whether the stream broke off, so that only its end follows.
    broken: bool,
}

impl Y4mFile {
    /// Opens the file and reads its header.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let io = |cause| Error::Io {
            path: path.into(),
            cause,
        };
        let file = File::open(path).map_err(io)?;
        let bytes = file.metadata().map_err(io)?.len();
        let input = BufReader::with_capacity(64 << 10, file);
        let mut stream = Y4mStream::new(input).map_err(|error| match error {
            StreamError::Io(cause) => io(cause),
            StreamError::Header(wrong) => Error::Format {
                path: path.into(),
                message: wrong.to_string(),
            },
        })?;
        let begin = stream.input.stream_position().map_err(io)?;
        // Exact where the frames' own headers are empty, as they commonly are.
        let one = stream.header().frame_len() as u64 + b"FRAME\n".len() as u64;
        Ok(Self {
            path: path.into(),
            stream,
            begin,
            frames: bytes.saturating_sub(begin).div_ceil(one),
            broken: false,
        })
    }

    fn failed(&self, cause: io::Error) -> Error {
        Error::Io {
            path: self.path.clone(),
            cause,
        }
    }
}

impl Reader for Y4mFile {
    fn next(&mut self, frame: &mut Frame) -> Result<Fetched, Error> {
        if self.broken {
            return Ok(Fetched::End);
        }
        let fetched = self.stream.next(frame);
        let fetched = fetched.map_err(|cause| self.failed(cause))?;
        if let Fetched::Bad { cause, .. } = &fetched {
            self.broken = *cause == "truncated";
        }
        Ok(fetched)
    }

    fn rewind(&mut self) -> Result<(), Error> {
        self.broken = false;
        self.stream.begun = false;
        let sought = self.stream.input.seek(io::SeekFrom::Start(self.begin));
        sought.map(drop).map_err(|cause| self.failed(cause))
    }

    fn len_hint(&self) -> Option<u64> {
        Some(self.frames)
    }

    fn frame_rate(&self) -> Option<f64> {
        self.stream.header().frame_rate
    }

    fn footprint(&self) -> Footprint {
        self.stream.header().footprint()
    }
}
