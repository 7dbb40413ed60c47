//! The mode of a camera: format, size and rate.

use serde::Serialize;

use crate::frame::{Colour, PixelFormat};

/// The mode that the driver gave: how the camera's frames are read.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mode {
    /// Pixel format.
    #[serde(skip)]
    pub format: PixelFormat,
    /// V4L2's name of the format.
    pub fourcc: String,
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Bytes from one row of the first plane to the next; 0 for JPEG.
    pub stride: usize,
    /// Matrix and range of YCbCr.
    #[serde(skip)]
    pub colour: Colour,
    /// Bytes of the largest picture, as the driver reports.
    pub size_image: usize,
    /// Frames a second; 0 if the driver does not report it.
    pub fps: f64,
}
