//! PNG pictures.

use std::io::{Cursor, ErrorKind};

use image::{ImageDecoder, ImageError, Limits, codecs::png::PngDecoder};

use super::container::PNG;
use crate::frame::{Colour, Frame, MAX_PIXELS, PixelFormat};

/// Bytes from the start of a file that hold the picture's size.
pub(super) const HEAD: usize = 24;

/// Why a PNG picture cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum PngError {
    #[error("the PNG picture cannot be decoded: {0}")]
    Decoder(#[from] ImageError),
    #[error("the PNG picture is {width}x{height}; at most {MAX_PIXELS} pixels are allowed")]
    TooLarge { width: usize, height: usize },
}

impl PngError {
    /// A short name of the cause, for counters.
    pub fn cause(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } | Self::Decoder(ImageError::Limits(_)) => "too-large",
            Self::Decoder(ImageError::Unsupported(_)) => "format",
            Self::Decoder(ImageError::IoError(e)) if e.kind() == ErrorKind::UnexpectedEof => {
                "truncated"
            }
            Self::Decoder(_) => "corrupt",
        }
    }
}

/// Decodes the PNG picture `file` into `frame` as RGB24, reusing its buffer where the picture is
/// RGB of 8 bits.
///
/// Palettes and greys are expanded, 16 bits are reduced to 8, and alpha is dropped without
/// blending. Pillow's `convert("RGB")`, with which the network was trained, does the same.
pub(super) fn decode(file: &[u8], frame: &mut Frame) -> Result<(), PngError> {
    let mut limits = Limits::no_limits();
    // PNG has at most eight bytes a pixel.
    limits.max_alloc = Some(MAX_PIXELS as u64 * 8);
    let decoder = PngDecoder::with_limits(Cursor::new(file), limits)?;
    let (width, height) = decoder.dimensions();
    let (width, height) = (width as usize, height as usize);
    if width.saturating_mul(height) > MAX_PIXELS {
        return Err(PngError::TooLarge { width, height });
    }
    if decoder.color_type() == image::ColorType::Rgb8 {
        let rgb = frame.data.own();
        rgb.clear();
        rgb.resize(width * height * 3, 0);
        decoder.read_image(rgb)?;
    } else {
        let picture = image::DynamicImage::from_decoder(decoder)?;
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

/// Width and height in pixels, by the first [`HEAD`] bytes of the file; `None` for other files and
/// for pictures too large to decode.
pub(super) fn size(head: &[u8]) -> Option<(usize, usize)> {
    let rest = head.strip_prefix(PNG)?.get(4..)?.strip_prefix(b"IHDR")?;
    let (width, rest) = rest.split_first_chunk()?;
    let width = usize::try_from(u32::from_be_bytes(*width)).ok()?;
    let height = usize::try_from(u32::from_be_bytes(*rest.first_chunk()?)).ok()?;
    (width.saturating_mul(height) <= MAX_PIXELS).then_some((width, height))
}
