//! A picture with its bytes, and one that borrows them.

use std::time::{Duration, SystemTime};

use super::{Bytes, Colour, Matrix, PixelFormat};

/// When a frame was captured, by both clocks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Captured {
    /// By the monotonic clock of the source, from its start: for all decisions.
    pub elapsed: Duration,
    /// By the wall clock: for what is said to others.
    pub wall: SystemTime,
}

/// A picture that borrows its bytes.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// How `data` is to be read.
    pub format: PixelFormat,
    /// Width in pixels; of a JPEG picture, what its own header says counts.
    pub width: usize,
    /// Height in pixels; of a JPEG picture, what its own header says counts.
    pub height: usize,
    /// Bytes from one row of the first plane to the next; 0 for JPEG.
    pub stride: usize,
    /// YCbCr matrix and range, ignored for RGB, grey and JPEG.
    pub colour: Colour,
    /// The picture, all planes one after the other.
    pub data: &'a [u8],
}

/// A picture with its bytes; a frame is kept and reused, and so is the buffer that it owns.
#[derive(Clone, Debug)]
pub struct Frame {
    /// How `data` is to be read.
    pub format: PixelFormat,
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Bytes from one row of the first plane to the next; 0 for JPEG.
    pub stride: usize,
    /// YCbCr matrix and range.
    pub colour: Colour,
    /// The picture.
    pub data: Bytes,
    /// Counts the frames that the source offered, from 0; gaps are frames that were dropped.
    pub seq: u64,
    /// When it was captured.
    pub captured: Captured,
    /// The file that it came from, empty for a camera.
    pub name: String,
}

impl Frame {
    /// A frame without a picture, whose buffers grow when a source first fills it.
    pub const fn empty() -> Self {
        Self {
            format: PixelFormat::Rgb24,
            width: 0,
            height: 0,
            stride: 0,
            colour: Colour {
                matrix: Matrix::Bt601,
                full_range: false,
            },
            data: Bytes::new(),
            seq: 0,
            captured: Captured {
                elapsed: Duration::ZERO,
                wall: SystemTime::UNIX_EPOCH,
            },
            name: String::new(),
        }
    }

    /// The picture, borrowed.
    pub fn view(&self) -> View<'_> {
        View {
            format: self.format,
            width: self.width,
            height: self.height,
            stride: self.stride,
            colour: self.colour,
            data: &self.data,
        }
    }
}

impl Default for Frame {
    fn default() -> Self {
        Self::empty()
    }
}
