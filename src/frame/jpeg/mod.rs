//! JPEG pictures read line by line and at a reduced size.
//!
//! The pictures that cameras send (sequential, Huffman coded, 8 bits, one scan) are decoded one row
//! of blocks at a time: each block goes through an inverse transform of 1 to 8 points a side, which
//! is a picture of 1/8 to 8/8 of the size, and no picture as a whole is ever held. Nothing is
//! allocated once the buffers have grown. Huffman tables that a frame leaves out are those of ITU-T
//! T.81, annex K, as in MJPEG.
//!
//! Progressive pictures and those with a scan for each component, which come from files only, are
//! decoded as a whole by the `jpeg-decoder` crate.
//!
//! A picture that ends early, or whose data end before its last block, is refused; what stands
//! after its end is not looked at.

mod bits;
mod block;
mod header;
mod huffman;
mod idct;
mod lookahead;
mod scan;
mod segments;
mod whole;

use std::ops::Range;

use self::header::{Coding, Header, Space};
use self::idct::scaled;
use self::scan::Scan;
use super::{Error, Lines, Samples, Ycbcr};

pub use self::segments::{length, size};

/// Decodes JPEG pictures; its buffers are kept from one to the next.
pub struct Decoder {
    header: Box<Header>,
    scan: Scan,
}

impl Decoder {
    /// A decoder that has seen nothing yet.
    pub fn new() -> Self {
        Self {
            header: Box::new(Header::new()),
            scan: Scan::new(),
        }
    }

    /// Bytes on the heap, as far as the buffers have grown; pictures of several scans take more
    /// while they are decoded.
    pub fn bytes(&self) -> usize {
        size_of::<Header>() + self.scan.bytes()
    }

    /// Reads the header of the picture in `data`.
    ///
    /// # Errors
    /// What is wrong with the header: [`Error::Truncated`], [`Error::Corrupt`], [`Error::TooLarge`]
    /// for more than [`MAX_PIXELS`](super::MAX_PIXELS), [`Error::Unsupported`].
    pub fn open<'a>(&'a mut self, data: &'a [u8]) -> Result<Picture<'a>, Error> {
        self.header.read(data)?;
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

enum State<'a> {
    Opened,
    Rows(scan::Position<'a>),
    Whole(whole::Pixels),
}

impl Picture<'_> {
    /// Width and height in pixels as the header says.
    pub fn size(&self) -> (usize, usize) {
        (self.decoder.header.width, self.decoder.header.height)
    }

    /// Makes ready to read the picture at `eighths` eighths of its size (1 to 8).
    ///
    /// Returns the eighths that it will be, which may be more, and the width and height at that
    /// size.
    ///
    /// # Errors
    /// What is wrong with a picture that has to be decoded as a whole.
    pub fn start(&mut self, eighths: usize) -> Result<(usize, usize, usize), Error> {
        let header = &self.decoder.header;
        let eighths = eighths.clamp(1, 8);
        self.eighths = match header.coding {
            Coding::Sequential => eighths,
            Coding::Whole => eighths.next_power_of_two(),
        };
        let (width, height) = self.size();
        self.state = match header.coding {
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

    /// Says which columns will be read, at the reduced size, so that the others can be left
    /// undecoded.
    pub fn only(&mut self, columns: Range<usize>) {
        if let State::Rows(position) = &mut self.state {
            position.columns = columns;
        }
    }

    /// Goes through what is left of the picture to see that all of it is there.
    ///
    /// # Errors
    /// [`Error::Truncated`] and [`Error::Corrupt`].
    pub fn finish(&mut self) -> Result<(), Error> {
        match &mut self.state {
            State::Rows(position) => self.decoder.scan.finish(&self.decoder.header, position),
            State::Opened | State::Whole(_) => Ok(()),
        }
    }
}

impl Lines for Picture<'_> {
    fn samples(&self) -> Samples {
        let header = &self.decoder.header;
        match (header.coding, header.space) {
            (Coding::Sequential, Space::Ycbcr) => Samples::Ycbcr(Ycbcr::jpeg()),
            _ => Samples::Rgb,
        }
    }

    fn read(&mut self, y: usize, x: usize, line: &mut [u8]) -> Result<(), Error> {
        let (width, height) = self.size();
        let (width, height) = (scaled(width, self.eighths), scaled(height, self.eighths));
        if y >= height || x.checked_add(line.len() / 3).is_none_or(|end| end > width) {
            return Err(Error::Outside { x, y });
        }
        if matches!(self.state, State::Opened) {
            self.start(8)?;
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
