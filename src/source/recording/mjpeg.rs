//! A file or a pipe of JPEG after JPEG.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use super::reader::Reader;
use crate::frame::{Frame, jpeg};
use crate::source::parse::{
    EXTRA, Fetched, Input, MAX_PICTURE, PART, Piece, SEGMENT, Splitter, as_jpeg,
};
use crate::source::{Error, Footprint};

/// Reads the pictures of one file or pipe.
pub(super) struct Mjpeg<R> {
    path: PathBuf,
    splitter: Splitter<R>,
    /// The first picture of a pipe, which was read to learn its size.
    ahead: Option<Vec<u8>>,
    /// The memory that the pictures take, by the first one.
    footprint: Footprint,
    /// What a picture may take at most.
    most: Option<Footprint>,
    /// Whether pictures follow one another in time.
    film: bool,
}

impl Mjpeg<BufReader<File>> {
    pub fn open(path: &Path) -> Result<Self, Error> {
        let io = |cause| Error::Io {
            path: path.into(),
            cause,
        };
        let file = File::open(path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        // A file that cannot be read gives no frame either.
        let first = first(path).unwrap_or_default();
        let mut footprint = bound(&first);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        footprint.frame = footprint.frame.min(length.saturating_add(SEGMENT));
        Ok(Self {
            path: path.into(),
            splitter: Splitter::new(BufReader::with_capacity(64 << 10, file)),
            ahead: None,
            footprint,
            most: None,
            film: true,
        })
    }
}

impl<R: Input> Mjpeg<R> {
    /// Reads the first picture of a stream of unknown length.
    pub fn stream(path: &Path, input: R) -> Result<Self, Error> {
        let mut splitter = Splitter::new(input);
        let mut first = Vec::new();
        let piece = splitter.next(&mut first).map_err(|cause| Error::Io {
            path: path.into(),
            cause,
        })?;
        if piece != Piece::Picture {
            return Err(Error::Format {
                path: path.into(),
                message: "the stream has no JPEG picture".into(),
            });
        }
        Ok(Self {
            path: path.into(),
            splitter,
            footprint: bound(&first),
            ahead: Some(first),
            most: None,
            film: true,
        })
    }

    /// The same, which is no film if there is one picture only.
    pub fn unless_one(mut self) -> Self {
        self.film = self.at_end().is_ok_and(|end| !end);
        self
    }

    /// Whether nothing follows.
    fn at_end(&mut self) -> io::Result<bool> {
        Ok(self.splitter.input.fill_buf()?.is_empty())
    }

    fn failed(&self, cause: io::Error) -> Error {
        Error::Io {
            path: self.path.clone(),
            cause,
        }
    }

    fn bad(&self, cause: &'static str, what: &str) -> Fetched {
        Fetched::Bad {
            cause,
            message: what.into(),
        }
    }

    /// Whether decoding the picture takes more than is allowed.
    fn beyond(&self, picture: &[u8]) -> bool {
        let Some(most) = self.most else { return false };
        jpeg::outline(picture).is_some_and(|found| {
            found.width > most.width || found.height > most.height || found.whole > most.whole
        })
    }
}

/// The first picture of the file at `path`, if it begins and ends within [`MAX_PICTURE`] bytes.
fn first(path: &Path) -> io::Result<Vec<u8>> {
    let begin = File::open(path)?.take(MAX_PICTURE as u64);
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

/// The memory that pictures like `first` take: twice its bytes, or a byte a pixel, which cameras do
/// not reach.
fn bound(first: &[u8]) -> Footprint {
    if first.is_empty() {
        return Footprint::default();
    }
    let outline = jpeg::outline(first).unwrap_or_default();
    let frame = (2 * first.len()).max(outline.width * outline.height + EXTRA) + SEGMENT;
    Footprint {
        frame,
        // What is read ahead, and a buffer that grows.
        own: (64 << 10) + frame / PART + EXTRA,
        whole: outline.whole,
        width: outline.width,
        height: outline.height,
        ..Footprint::default()
    }
}

impl<R: Input> Reader for Mjpeg<R> {
    fn next(&mut self, frame: &mut Frame) -> Result<Fetched, Error> {
        let piece = match self.ahead.take() {
            Some(first) => {
                frame.data = first.into();
                Ok(Piece::Picture)
            }
            None => self.splitter.next(frame.data.own()),
        };
        match piece.map_err(|cause| self.failed(cause))? {
            Piece::End => Ok(Fetched::End),
            Piece::Picture if self.beyond(&frame.data) => Ok(self.bad(
                "too-large",
                "a picture is larger than the first one, for which memory was computed",
            )),
            Piece::Picture => {
                as_jpeg(frame);
                Ok(Fetched::Frame)
            }
            Piece::Headless => Ok(self.bad("corrupt", "a picture has no beginning")),
            Piece::TooLarge => {
                let what = format!("a picture has more than {} KiB", self.splitter.most >> 10);
                Ok(self.bad("too-large", &what))
            }
        }
    }

    fn rewind(&mut self) -> Result<(), Error> {
        let rewound = self.splitter.rewind();
        rewound.map_err(|cause| self.failed(cause))
    }

    fn is_film(&self) -> bool {
        self.film
    }

    fn footprint(&self) -> Footprint {
        self.footprint
    }

    fn limit(&mut self, most: Footprint) {
        self.most = Some(most);
        self.splitter.most = most.frame.saturating_sub(SEGMENT);
    }
}
