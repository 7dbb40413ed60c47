//! One picture as it came from a source, and what can be done with it before it is looked at.
//!
//! A [`Frame`] owns its bytes in a buffer that is made once and reused; a [`View`] borrows them, or borrows
//! a camera's mapped buffer, so that the vision stage reads either without a copy.

use std::time::{Duration, SystemTime};

/// How a picture's bytes are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PixelFormat {
    /// 8-bit red, green, blue, interleaved.
    Rgb24,
    /// 8-bit blue, green, red, interleaved.
    Bgr24,
    /// 8-bit luma.
    Grey,
    /// 4:2:2 packed as Y0 Cb Y1 Cr.
    Yuyv,
    /// 4:2:2 packed as Cb Y0 Cr Y1.
    Uyvy,
    /// 4:2:0, a luma plane and a plane of interleaved Cb Cr.
    Nv12,
    /// 4:2:0, planes of luma, Cb and Cr (V4L2's YU12, I420).
    Yu12,
    /// One JPEG picture.
    Jpeg,
}

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
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Bytes from one row of the first plane to the next; 0 for JPEG.
    pub stride: usize,
    /// YCbCr matrix and range, ignored for RGB and grey.
    pub colour: Colour,
    /// The picture, all planes one after the other.
    pub data: &'a [u8],
}

/// The matrix that turns YCbCr into RGB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Matrix {
    /// ITU-R BT.601, what JPEG and most cameras use.
    #[default]
    Bt601,
    /// ITU-R BT.709, what HD video uses.
    Bt709,
}

/// How YCbCr is to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Colour {
    /// The matrix.
    pub matrix: Matrix,
    /// Whether luma spans 0 to 255 (JPEG) instead of 16 to 235 (video).
    pub full_range: bool,
}

/// A picture that owns its bytes; the buffer is kept and reused from frame to frame.
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
    pub data: Vec<u8>,
    /// Counts the frames that the source offered, from 0; gaps are frames that were dropped.
    pub seq: u64,
    /// When it was captured.
    pub captured: Captured,
    /// The file that it came from, empty for a camera.
    pub name: String,
}
