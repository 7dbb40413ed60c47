//! A file of JPEG after JPEG.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use super::images::as_jpeg;
use super::reader::{Fetched, MAX_FILE, Reader};
use super::splitter::{Piece, Splitter};
use crate::frame::{Frame, jpeg};
use crate::source::{Error, Footprint};

/// Reads the pictures of one file.
pub(super) struct Mjpeg {
    path: PathBuf,
    splitter: Splitter<BufReader<File>>,
}

impl Mjpeg {
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(|cause| Error::Io {
            path: path.into(),
            cause,
        })?;
        Ok(Self {
            path: path.into(),
            splitter: Splitter::new(BufReader::with_capacity(64 << 10, file)),
        })
    }

    fn failed(&self, cause: io::Error) -> Error {
        Error::Io {
            path: self.path.clone(),
            cause,
        }
    }

    /// The first picture, if it begins and ends within [`MAX_FILE`] bytes.
    fn first(&self) -> io::Result<Vec<u8>> {
        let begin = File::open(&self.path)?.take(MAX_FILE);
        let mut data = Vec::new();
        let mut splitter = Splitter::new(BufReader::new(begin));
        loop {
            match splitter.next(&mut data)? {
                Piece::Picture => return Ok(data),
                Piece::Headless => {}
                Piece::TooLarge | Piece::End => return Ok(Vec::new()),
            }
        }
    }
}

impl Reader for Mjpeg {
    fn next(&mut self, frame: &mut Frame) -> Result<Fetched, Error> {
        let piece = self.splitter.next(frame.data.own());
        match piece.map_err(|cause| self.failed(cause))? {
            Piece::End => Ok(Fetched::End),
            Piece::Picture => {
                as_jpeg(frame);
                Ok(Fetched::Frame)
            }
            Piece::Headless => Ok(Fetched::Bad {
                cause: "corrupt",
                message: "a picture has no beginning".into(),
            }),
            Piece::TooLarge => Ok(Fetched::Bad {
                cause: "too-large",
                message: format!("a picture has more than {} MiB", MAX_FILE >> 20),
            }),
        }
    }

    fn rewind(&mut self) -> Result<(), Error> {
        let rewound = self.splitter.rewind();
        rewound.map_err(|cause| self.failed(cause))
    }

    fn footprint(&self) -> Footprint {
        // A file that cannot be read gives no frame either.
        let first = self.first().unwrap_or_default();
        Footprint {
            device: 0,
            frame: first.len(),
            width: jpeg::size(&first).map_or(0, |(width, _)| width),
        }
    }
}
