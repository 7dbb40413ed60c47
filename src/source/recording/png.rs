//! PNG pictures.

use std::io::Cursor;

use image::{ImageDecoder, ImageError, Limits, codecs::png::PngDecoder};

use crate::frame::{Colour, Frame, MAX_PIXELS, PixelFormat};

/// Decodes the PNG picture `file` into `frame` as RGB24, reusing its buffer where the picture is
/// RGB of 8 bits.
///
/// Palettes and greys are spread out, 16 bits are brought to 8, and alpha is left out without
/// blending: that is what Pillow's `convert("RGB")` does, with which the network was trained.
///
/// # Errors
/// The cause for the counters and what is wrong.
pub(super) fn decode(file: &[u8], frame: &mut Frame) -> Result<(), (&'static str, String)> {
    let fail = |error: ImageError| {
        let cause = match &error {
            ImageError::Limits(_) => "too-large",
            ImageError::Unsupported(_) => "format",
            ImageError::IoError(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => "truncated",
            _ => "corrupt",
        };
        (cause, format!("the PNG picture cannot be decoded: {error}"))
    };
    let mut limits = Limits::no_limits();
    // Eight bytes a pixel is the most that PNG has.
    limits.max_alloc = Some(MAX_PIXELS as u64 * 8);
    let decoder = PngDecoder::with_limits(Cursor::new(file), limits).map_err(fail)?;
    let (width, height) = decoder.dimensions();
    let (width, height) = (width as usize, height as usize);
    if width.saturating_mul(height) > MAX_PIXELS {
        let what =
            format!("the PNG picture is {width}x{height}; at most {MAX_PIXELS} pixels are allowed");
        return Err(("too-large", what));
    }
    if decoder.color_type() == image::ColorType::Rgb8 {
        let rgb = frame.data.own();
        rgb.clear();
        rgb.resize(width * height * 3, 0);
        decoder.read_image(rgb).map_err(fail)?;
    } else {
        let picture = image::DynamicImage::from_decoder(decoder).map_err(fail)?;
        frame.data = picture.into_rgb8().into_raw().into();
    }
    frame.format = PixelFormat::Rgb24;
    (frame.width, frame.height) = (width, height);
    frame.stride = width * 3;
    frame.colour = Colour {
        full_range: true,
        ..Colour::default()
    };
    Ok(())
}
