//! JPEG pictures of a stream.

use crate::frame::{Colour, Frame, PixelFormat, jpeg};

/// What a camera's pictures never take in bytes, beside one a pixel: tables, notes, a preview.
pub(in crate::source) const EXTRA: usize = 64 << 10;

/// Describes `frame`, whose data are a JPEG picture, as far as its header tells.
pub(in crate::source) fn as_jpeg(frame: &mut Frame) {
    frame.format = PixelFormat::Jpeg;
    (frame.width, frame.height) = jpeg::size(&frame.data).unwrap_or_default();
    frame.stride = 0;
    frame.colour = Colour {
        full_range: true,
        ..Colour::default()
    };
}
