//! PNG pictures.

use std::io::{Cursor, ErrorKind};

use png::{BitDepth, ColorType, Decoder, DecodingError, Limits, Transformations};

use super::container::PNG;
use crate::frame::{Colour, Frame, MAX_PIXELS, Orientation, PixelFormat};
use crate::source::Footprint;

/// Bytes from the start of a file that hold the picture's size and kind.
pub(super) const HEAD: usize = 26;

/// What the decoder takes at most beside the file and the picture, in addition to a few rows:
/// inflating, and notes of the file.
const DECODER: usize = 512 << 10;

/// Why a PNG picture cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum PngError {
    #[error("the PNG picture cannot be decoded: {0}")]
    Decoder(#[from] DecodingError),
    #[error("the PNG picture is {width}x{height}; at most {MAX_PIXELS} pixels are allowed")]
    TooLarge { width: usize, height: usize },
    #[error("the PNG picture is {width}x{height}, larger than when memory was computed for it")]
    Replaced { width: usize, height: usize },
    #[error("the PNG picture has no whole picture")]
    Incomplete,
}

impl PngError {
    /// A short name of the cause, for counters.
    pub fn cause(&self) -> &'static str {
        match self {
            Self::TooLarge { .. }
            | Self::Replaced { .. }
            | Self::Decoder(DecodingError::LimitsExceeded) => "too-large",
            Self::Decoder(DecodingError::IoError(e)) if e.kind() == ErrorKind::UnexpectedEof => {
                "truncated"
            }
            Self::Decoder(_) | Self::Incomplete => "corrupt",
        }
    }
}

/// Decodes the PNG picture `file`, which takes no more than `most`, into `frame` as RGB24, in the
/// frame's own buffer alone.
///
/// Palettes and greys are expanded, 16 bits are reduced to 8, and alpha is dropped without
/// blending. Pillow's `convert("RGB")`, with which the network was trained, does the same.
pub(super) fn decode(
    file: &[u8],
    frame: &mut Frame,
    most: Option<Footprint>,
) -> Result<(), PngError> {
    // The picture itself is not counted.
    let limits = Limits { bytes: DECODER };
    let mut decoder = Decoder::new_with_limits(Cursor::new(file), limits);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let info = decoder.read_header_info()?;
    let (width, height) = (info.width as usize, info.height as usize);
    let steps = transformations(info.color_type, info.bit_depth);
    if width.saturating_mul(height) > MAX_PIXELS {
        return Err(PngError::TooLarge { width, height });
    }
    if most.is_some_and(|most| width > most.width || height > most.height) {
        return Err(PngError::Replaced { width, height });
    }
    decoder.set_transformations(steps);
    let mut reader = decoder.read_info()?;
    let size = reader.output_buffer_size().ok_or(PngError::Incomplete)?;
    let pixels = frame.data.cleared(size.max(width * height * 3));
    pixels.resize(size, 0);
    reader.next_frame(pixels)?;
    to_rgb(reader.output_color_type().0, width * height, pixels);
    let exif = reader.info().exif_metadata.as_deref();
    frame.orientation = exif.map_or(Orientation::Upright, Orientation::of_exif);
    frame.format = PixelFormat::Rgb24;
    (frame.width, frame.height) = (width, height);
    frame.stride = width * 3;
    frame.colour = Colour {
        full_range: true,
        ..Colour::default()
    };
    Ok(())
}

/// What brings each kind of picture to 8 bits a sample.
fn transformations(colour: ColorType, depth: BitDepth) -> Transformations {
    match (colour, depth) {
        (ColorType::Rgb, BitDepth::Eight) => Transformations::IDENTITY,
        // One colour of such a picture may stand for "transparent", which would add a byte a pixel.
        (ColorType::Rgb, _) => Transformations::STRIP_16,
        _ => Transformations::EXPAND | Transformations::STRIP_16,
    }
}

/// Turns `count` pixels of 8 bits a sample into RGB, in place.
fn to_rgb(from: ColorType, count: usize, pixels: &mut Vec<u8>) {
    let samples = from.samples();
    match from {
        ColorType::Rgba => {
            for i in 0..count {
                pixels.copy_within(i * 4..i * 4 + 3, i * 3);
            }
        }
        ColorType::Grayscale | ColorType::GrayscaleAlpha => {
            pixels.resize(count * 3, 0);
            // From the end on: a pixel becomes longer.
            for i in (0..count).rev() {
                let level = pixels[i * samples];
                pixels[i * 3..i * 3 + 3].fill(level);
            }
        }
        ColorType::Rgb | ColorType::Indexed => {}
    }
    pixels.truncate(count * 3);
}

/// The memory that the picture of a file of `length` bytes takes, by the file's first [`HEAD`]
/// bytes; `None` for other files and for pictures too large to decode.
pub(super) fn footprint(head: &[u8], length: usize) -> Option<Footprint> {
    let rest = head.strip_prefix(PNG)?.get(4..)?.strip_prefix(b"IHDR")?;
    let (width, rest) = rest.split_first_chunk()?;
    let width = usize::try_from(u32::from_be_bytes(*width)).ok()?;
    let (height, rest) = rest.split_first_chunk()?;
    let height = usize::try_from(u32::from_be_bytes(*height)).ok()?;
    let &[_, kind, ..] = rest else { return None };
    // Palettes may have alpha, which stands in the buffer before it is dropped.
    let bytes = if matches!(kind, 3 | 6) { 4 } else { 3 };
    (width.saturating_mul(height) <= MAX_PIXELS).then(|| Footprint {
        frame: width * height * bytes,
        // Rows have up to eight bytes a pixel, and the decoder holds two and what it unpacked.
        own: length + DECODER + width * 32,
        width,
        height,
        ..Footprint::default()
    })
}
