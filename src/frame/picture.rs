//! A picture with its bytes, and one that borrows them.

use std::time::{Duration, SystemTime};

use super::{Bytes, Colour, Limit, Matrix, Orientation, PixelFormat};

/// When a frame was captured, by both clocks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Captured {
    /// By the monotonic clock of the source, from its start; all decisions use it.
    pub elapsed: Duration,
    /// By the wall clock; messages use it.
    pub wall: SystemTime,
}

/// A picture that borrows its bytes.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The layout of `data`.
    pub format: PixelFormat,
    /// Width in pixels; ignored for JPEG, whose own header counts.
    pub width: usize,
    /// Height in pixels; ignored for JPEG, whose own header counts.
    pub height: usize,
    /// Bytes from one row of the first plane to the next; 0 for JPEG.
    pub stride: usize,
    /// YCbCr matrix and range, ignored for RGB, grey and JPEG.
    pub colour: Colour,
    /// How it is to be turned to stand upright.
    pub orientation: Orientation,
    /// What decoding a JPEG may take.
    pub limit: Limit,
    /// All planes, one after the other.
    pub data: &'a [u8],
}

/// A picture with its bytes. A frame is reused, and so is its own buffer.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The layout of `data`.
    pub format: PixelFormat,
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Bytes from one row of the first plane to the next; 0 for JPEG.
    pub stride: usize,
    /// YCbCr matrix and range.
    pub colour: Colour,
    /// How it is to be turned to stand upright; only picture files have notes about that.
    pub orientation: Orientation,
    /// What decoding a JPEG may take, by the source that sent it.
    pub limit: Limit,
    /// All planes, one after the other.
    pub data: Bytes,
    /// The number among the frames that the source offered, from 0; dropped frames leave gaps.
    pub seq: u64,
    /// When it was captured.
    pub captured: Captured,
    /// The path of the file that it came from; empty for a camera.
    pub name: String,
}

impl Frame {
    /// A frame without a picture; its buffer grows when a source first fills it.
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
            orientation: Orientation::Upright,
            limit: Limit::FILE,
            data: Bytes::new(),
            seq: 0,
            captured: Captured {
                elapsed: Duration::ZERO,
                wall: SystemTime::UNIX_EPOCH,
            },
            name: String::new(),
        }
    }

    /// Becomes a copy of the picture of `other`, with bytes of its own and without a name. A raw
    /// picture's bytes are copied as far as its pixels reach. Allocates only for a picture that is
    /// larger than all before.
    pub(crate) fn copy(&mut self, other: &Self) {
        let View {
            format,
            width,
            height,
            stride,
            colour,
            orientation,
            limit,
            data,
        } = other.view();
        let length = format.bytes(width, height, stride).unwrap_or(data.len());
        let data = &data[..length.min(data.len())];
        self.data.cleared(data.len()).extend_from_slice(data);
        (self.format, self.colour, self.orientation) = (format, colour, orientation);
        self.limit = limit;
        (self.width, self.height, self.stride) = (width, height, stride);
        (self.seq, self.captured) = (other.seq, other.captured);
        self.name.clear();
    }

    /// The picture, borrowed.
    pub fn view(&self) -> View<'_> {
        View {
            format: self.format,
            width: self.width,
            height: self.height,
            stride: self.stride,
            colour: self.colour,
            orientation: self.orientation,
            limit: self.limit,
            data: &self.data,
        }
    }
}
