//! A file or a pipe that holds a YUV4MPEG2 stream.

use std::fs::File;
use std::io::{self, BufReader, Seek};
use std::path::{Path, PathBuf};

use super::reader::Reader;
use crate::frame::{Frame, Matrix};
use crate::source::parse::{Fetched, Input, StreamError, Y4mStream};
use crate::source::{Error, Footprint};

/// Reads the frames of one file or pipe.
pub struct Y4mFile<R> {
    path: PathBuf,
    stream: Y4mStream<R>,
    /// Where the first frame begins.
    begin: u64,
    /// The number of frames, where it is known.
    frames: Option<u64>,
    /// Whether the stream broke off, so that only its end follows.
    broken: bool,
}

impl Y4mFile<BufReader<File>> {
    /// Opens the file and reads its header.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let io = |cause| Error::Io {
            path: path.into(),
            cause,
        };
        let file = File::open(path).map_err(io)?;
        let bytes = file.metadata().map_err(io)?.len();
        let mut all = Self::stream(path, BufReader::with_capacity(64 << 10, file))?;
        all.begin = all.stream.input.stream_position().map_err(io)?;
        // Exact where the frames' own headers are empty, as they commonly are.
        let one = all.stream.header().frame_len() as u64 + b"FRAME\n".len() as u64;
        all.frames = Some(bytes.saturating_sub(all.begin).div_ceil(one));
        Ok(all)
    }
}

impl<R: Input> Y4mFile<R> {
    /// Reads the header of a stream of unknown length.
    pub fn stream(path: &Path, input: R) -> Result<Self, Error> {
        let stream = Y4mStream::new(input).map_err(|error| match error {
            StreamError::Io(cause) => Error::Io {
                path: path.into(),
                cause,
            },
            StreamError::Header(wrong) => Error::Format {
                path: path.into(),
                message: wrong.to_string(),
            },
        })?;
        Ok(Self {
            path: path.into(),
            stream,
            begin: 0,
            frames: None,
            broken: false,
        })
    }

    /// Reads the stream's colours as `matrix`.
    pub fn set_matrix(&mut self, matrix: Matrix) {
        self.stream.set_matrix(matrix);
    }

    fn failed(&self, cause: io::Error) -> Error {
        Error::Io {
            path: self.path.clone(),
            cause,
        }
    }
}

impl<R: Input> Reader for Y4mFile<R> {
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
        let back = self.stream.input.back(self.begin);
        back.map_err(|cause| self.failed(cause))
    }

    fn len_hint(&self) -> Option<u64> {
        self.frames
    }

    fn frame_rate(&self) -> Option<f64> {
        self.stream.header().frame_rate
    }

    fn footprint(&self) -> Footprint {
        self.stream.header().footprint()
    }
}
