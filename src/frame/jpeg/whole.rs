//! Pictures of several scans, which the `jpeg-decoder` crate decodes as a whole.

use std::io;

use jpeg_decoder::{Decoder, PixelFormat};

use super::super::Error;
use super::bits::marker;
use super::frame_header::FrameHeader;
use super::idct::scaled;
use super::scan::print;
use crate::panics;

/// A decoded picture.
pub(super) struct Pixels {
    pub eighths: usize,
    format: PixelFormat,
    data: Vec<u8>,
}

/// The most pixels of such a picture: the crate holds all frequencies at once, two bytes each.
const MAX_PIXELS: usize = 24 << 20;

/// The most scans: each costs a pass over the picture, however few bytes it has.
const MAX_SCANS: usize = 100;

/// The most bytes that decoding the picture with this header takes: each frequency in two bytes,
/// each level of the components in one, and the picture put together.
pub(super) fn memory(frame: &FrameHeader) -> usize {
    let pixels = frame.width * frame.height;
    if pixels > MAX_PIXELS {
        return 0;
    }
    frame.blocks() * 64 * 3 + pixels * frame.components().len()
}

/// Decodes the picture in `data`, of `size` pixels, at 1, 2, 4 or 8 eighths of its size.
pub(super) fn decode(data: &[u8], size: (usize, usize), eighths: usize) -> Result<Pixels, Error> {
    let (width, height) = size;
    if width.saturating_mul(height) > MAX_PIXELS {
        return Err(Error::TooLarge {
            width,
            height,
            limit: MAX_PIXELS,
        });
    }
    if scans(data) > MAX_SCANS {
        return Err(Error::corrupt("it has more scans than any program makes"));
    }
    // The data come from outside; a fault in the crate must not end this process.
    panics::contain(|| run(data, size, eighths))
        .unwrap_or(Err(Error::corrupt("the decoder failed on it")))
}

fn run(data: &[u8], size: (usize, usize), eighths: usize) -> Result<Pixels, Error> {
    let mut decoder = Decoder::new(data);
    decoder.set_max_decoding_buffer_size(MAX_PIXELS * 4);
    let mut want = (scaled(size.0, eighths), scaled(size.1, eighths));
    // Very small sides are equal at several scales, and the crate would take the smallest.
    let mut eighths = eighths;
    if eighths == 8 || size.0 < 16 || size.1 < 16 {
        eighths = 8;
        want = size;
        decoder.read_info().map_err(error)?;
    } else {
        let got = decoder.scale(want.0 as u16, want.1 as u16).map_err(error)?;
        if (usize::from(got.0), usize::from(got.1)) != want {
            return Err(Error::corrupt(
                "it did not come out at the size that was asked for",
            ));
        }
    }
    let data = decoder.decode().map_err(error)?;
    let format = decoder
        .info()
        .ok_or(Error::corrupt("it has no header"))?
        .pixel_format;
    if data.len() != want.0 * want.1 * format.pixel_bytes() || format == PixelFormat::L16 {
        return Err(Error::corrupt(
            "it did not come out at the size that it says",
        ));
    }
    Ok(Pixels {
        eighths,
        format,
        data,
    })
}

impl Pixels {
    /// Writes the pixels of row `y` from column `x` on, both inside the picture.
    pub fn read(&self, width: usize, y: usize, x: usize, line: &mut [u8]) -> Result<(), Error> {
        let bytes = self.format.pixel_bytes();
        let from = self
            .data
            .get((y * width + x) * bytes..)
            .ok_or(Error::Outside { x, y })?
            .chunks_exact(bytes);
        for (to, from) in line.chunks_exact_mut(3).zip(from) {
            match *from {
                [level] => to.fill(level),
                // The crate inverts the inks, so that 255 is full ink.
                [c, m, y, k] => to.copy_from_slice(&print([c, m, y].map(|ink| 255 - ink), 255 - k)),
                _ => to.copy_from_slice(&from[..3]),
            }
        }
        Ok(())
    }
}

/// The number of scans in `data`, or a few more.
fn scans(data: &[u8]) -> usize {
    let mut at = 0;
    let mut count = 0;
    while let Some(more) = data
        .get(at..)
        .and_then(|rest| rest.iter().position(|&b| b == 0xff))
    {
        let Some((code, after)) = marker(data, at + more) else {
            break;
        };
        at = after;
        count += usize::from(code == 0xda);
        if let (0xc0..=0xcf | 0xda..=0xdf | 0xe0..=0xef | 0xfe, Some(&[high, low])) =
            (code, data[after..].first_chunk())
        {
            at += usize::from(u16::from_be_bytes([high, low]));
        }
    }
    count
}

fn error(error: jpeg_decoder::Error) -> Error {
    match error {
        jpeg_decoder::Error::Io(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => {
            Error::Truncated
        }
        jpeg_decoder::Error::Unsupported(_) => Error::Unsupported("a rare kind of JPEG"),
        jpeg_decoder::Error::Format(text) => Error::Corrupt(text.into()),
        other => Error::Corrupt(other.to_string().into()),
    }
}
