//! How the frames of a source are to be read.

use serde::Serialize;

use crate::frame::{Colour, PixelFormat};

/// How a camera's frames are to be read, as the driver gave it.
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
    /// Bytes of the largest picture, as the driver says.
    pub size_image: usize,
    /// Frames a second; 0 where the driver does not say.
    pub fps: f64,
}
