//! JPEG pictures read line by line and at a reduced size.
//!
//! The pictures that cameras send (sequential, Huffman coded, 8 bits, one scan) are decoded one row
//! of blocks at a time. An inverse transform of 1 to 8 points a side turns each block into 1/8 to
//! 8/8 of its size, and the whole picture is never held. Nothing is allocated once the buffers have
//! grown. Huffman tables that a frame leaves out are those of ITU-T T.81, annex K, as in MJPEG.
//!
//! Progressive pictures and those with one scan for each component occur only in files. The
//! `jpeg-decoder` crate decodes them as a whole. A [`Limit`] tells how much that may
//! take; a camera's is nothing.
//!
//! A picture that ends early, or whose data end before its last block, is refused. Bytes after its
//! end are ignored, and so are bytes between a restart interval and its marker. Where data were
//! lost on the way, decoding goes on at the next restart marker, and [`Picture::made_up`] counts
//! the units in between, which are grey.
//!
//! Pictures come from strangers. A panic while one is decoded is contained and refuses that picture
//! alone, because a picture that ends the process would end it again after each restart.

mod bits;
mod block;
mod frame_header;
mod header;
mod huffman;
mod idct;
mod lookahead;
mod outline;
mod scan;
mod segments;
mod whole;

use std::ops::Range;

use self::frame_header::Coding;
use self::header::{Header, Space};
use self::idct::scaled;
use self::scan::Scan;
use super::{Error, Limit, Lines, Samples, Ycbcr};
use crate::panics;

pub(crate) use self::outline::admit;
pub use self::outline::{Outline, outline};
pub use self::segments::{length, orientation, size};

/// Decodes JPEG pictures; its buffers are kept from one to the next.
pub struct Decoder {
    header: Box<Header>,
    scan: Scan,
}

impl Decoder {
    /// A decoder without buffers yet.
    pub fn new() -> Self {
        Self {
            header: Box::new(Header::new()),
            scan: Scan::new(),
        }
    }

    /// Bytes on the heap now; pictures of several scans take more while they are decoded.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Header>() + self.scan.bytes()
    }

    /// Reads the header of the picture in `data`, which may cost at most `limit`.
    ///
    /// # Errors
    /// The fault of the header: [`Error::Truncated`], [`Error::Corrupt`], [`Error::Unsupported`];
    /// and those of a picture beyond the limit.
    pub fn open<'a>(&'a mut self, data: &'a [u8], limit: Limit) -> Result<Picture<'a>, Error> {
        contained(|| {
            limit.admit_bytes(data.len())?;
            self.header.read(data)?;
            let Outline {
                width,
                height,
                whole,
            } = self.header.frame.outline();
            limit.admit((width, height), whole)
        })?;
        Ok(Picture {
            decoder: self,
            data,
            eighths: 8,
            state: State::Opened,
        })
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

/// A JPEG picture whose header was read.
pub struct Picture<'a> {
    decoder: &'a mut Decoder,
    data: &'a [u8],
    eighths: usize,
    state: State<'a>,
}

/// Calls `decode`, whose panic becomes a fault of the picture. The next picture's header sets all
/// that was half changed.
fn contained<T>(decode: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    panics::contain(decode).unwrap_or(Err(Error::corrupt("the decoder failed on it")))
}

enum State<'a> {
    Opened,
    Rows(scan::Position<'a>),
    Whole(whole::Pixels),
}

impl Picture<'_> {
    /// Width and height in pixels, by the header.
    pub fn size(&self) -> (usize, usize) {
        let frame = &self.decoder.header.frame;
        (frame.width, frame.height)
    }

    /// Columns and rows of pixels, at full size, of one unit: the blocks of all components at one
    /// place.
    pub(crate) fn unit(&self) -> (usize, usize) {
        let (h, v) = self.decoder.header.frame.unit();
        (8 * h, 8 * v)
    }

    /// Whether the picture has several scans and is decoded as a whole.
    pub(crate) fn is_whole(&self) -> bool {
        self.decoder.header.frame.coding == Coding::Whole
    }

    /// Prepares to read the picture at `eighths` eighths of its size (1 to 8).
    ///
    /// Returns the actual eighths, which may be more, and the width and height at that size.
    ///
    /// # Errors
    /// The fault of a picture that must be decoded as a whole.
    pub fn start(&mut self, eighths: usize) -> Result<(usize, usize, usize), Error> {
        contained(|| self.prepare(eighths))
    }

    fn prepare(&mut self, eighths: usize) -> Result<(usize, usize, usize), Error> {
        let header = &self.decoder.header;
        let eighths = eighths.clamp(1, 8);
        self.eighths = match header.frame.coding {
            Coding::Sequential => eighths,
            Coding::Whole => eighths.next_power_of_two(),
        };
        let (width, height) = self.size();
        self.state = match header.frame.coding {
            Coding::Sequential => {
                State::Rows(self.decoder.scan.start(header, self.data, self.eighths))
            }
            Coding::Whole => {
                let pixels = whole::decode(self.data, (width, height), self.eighths)?;
                self.eighths = pixels.eighths;
                State::Whole(pixels)
            }
        };
        Ok((
            self.eighths,
            scaled(width, self.eighths),
            scaled(height, self.eighths),
        ))
    }

    /// Limits the columns to read, at the reduced size, so that the others need not be decoded.
    pub(crate) fn only(&mut self, columns: Range<usize>) {
        if let State::Rows(position) = &mut self.state {
            position.columns = columns;
        }
    }

    /// The number of units (the blocks of all components at one place) read so far that had no
    /// data.
    pub fn made_up(&self) -> usize {
        match &self.state {
            State::Rows(position) => position.made_up,
            State::Opened | State::Whole(_) => 0,
        }
    }

    /// The share of the picture that had no data, 0 to 1, as far as it was read.
    pub(crate) fn made_up_share(&self) -> f32 {
        match &self.state {
            State::Rows(position) => position.made_up as f32 / position.units().max(1) as f32,
            State::Opened | State::Whole(_) => 0.0,
        }
    }

    /// Reads the rest of the picture, to check that it is complete.
    ///
    /// # Errors
    /// [`Error::Truncated`] and [`Error::Corrupt`].
    pub fn finish(&mut self) -> Result<(), Error> {
        contained(|| match &mut self.state {
            State::Rows(position) => self.decoder.scan.finish(&self.decoder.header, position),
            State::Opened | State::Whole(_) => Ok(()),
        })
    }
}

impl Lines for Picture<'_> {
    fn samples(&self) -> Samples {
        let header = &self.decoder.header;
        match (header.frame.coding, header.space) {
            (Coding::Sequential, Space::Ycbcr) => Samples::Ycbcr(Ycbcr::jpeg()),
            _ => Samples::Rgb,
        }
    }

    fn read(&mut self, y: usize, x: usize, line: &mut [u8]) -> Result<(), Error> {
        contained(|| self.line(y, x, line))
    }
}

impl Picture<'_> {
    /// [`Lines::read`].
    fn line(&mut self, y: usize, x: usize, line: &mut [u8]) -> Result<(), Error> {
        let (width, height) = self.size();
        let (width, height) = (scaled(width, self.eighths), scaled(height, self.eighths));
        if y >= height || x.checked_add(line.len() / 3).is_none_or(|end| end > width) {
            return Err(Error::Outside { x, y });
        }
        if matches!(self.state, State::Opened) {
            self.prepare(8)?;
        }
        match &mut self.state {
            State::Opened => Err(Error::Outside { x, y }),
            State::Rows(position) => {
                let Decoder { header, scan } = &mut *self.decoder;
                scan.read(header, position, y, x, line)
            }
            State::Whole(pixels) => pixels.read(width, y, x, line),
        }
    }
}

#[cfg(test)]
mod tests;
