//! Pictures of several scans, which the `jpeg-decoder` crate decodes as a whole.

use std::io;

use jpeg_decoder::{Decoder, PixelFormat};

use super::super::Error;
use super::bits::marker;
use super::frame_header::FrameHeader;
use super::idct::scaled;
use super::scan::print;

/// A decoded picture.
pub(super) struct Pixels {
    pub eighths: usize,
    format: PixelFormat,
    data: Vec<u8>,
}

/// The most scans: each costs a pass over the picture, however few bytes it has.
const MAX_SCANS: usize = 100;

/// The most bytes of tables: a few of the largest for each scan. A table of 20 bytes costs as much
/// as thousands of values.
const MAX_TABLES: usize = 256 << 10;

/// The most bytes that decoding the picture with this header takes: each frequency in two bytes,
/// each level of the components in one, and the picture put together.
pub(super) fn memory(frame: &FrameHeader) -> usize {
    let pixels = frame.width.saturating_mul(frame.height);
    let frequencies = frame.blocks().saturating_mul(64 * 3);
    frequencies.saturating_add(pixels.saturating_mul(frame.components().len()))
}

/// Decodes the picture in `data`, of `size` pixels, at 1, 2, 4 or 8 eighths of its size. Its header
/// was admitted: that much memory may be taken.
pub(super) fn decode(data: &[u8], size: (usize, usize), eighths: usize) -> Result<Pixels, Error> {
    let work = work(data);
    if work.scans > MAX_SCANS || work.tables > MAX_TABLES {
        return Err(Error::corrupt(
            "it has more scans or tables than any program makes",
        ));
    }
    let mut decoder = Decoder::new(data);
    decoder.set_max_decoding_buffer_size(size.0.saturating_mul(size.1).saturating_mul(4));
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

/// What costs time in a picture beside its blocks.
struct Work {
    scans: usize,
    /// Bytes of Huffman and quantisation tables.
    tables: usize,
}

/// The work that `data` asks for, or a little more.
fn work(data: &[u8]) -> Work {
    let mut at = 0;
    let mut work = Work {
        scans: 0,
        tables: 0,
    };
    while let Some(more) = data
        .get(at..)
        .and_then(|rest| rest.iter().position(|&b| b == 0xff))
    {
        let Some((code, after)) = marker(data, at + more) else {
            break;
        };
        at = after;
        work.scans += usize::from(code == 0xda);
        if let (0xc0..=0xcf | 0xda..=0xdf | 0xe0..=0xef | 0xfe, Some(&[high, low])) =
            (code, data[after..].first_chunk())
        {
            let length = usize::from(u16::from_be_bytes([high, low]));
            at += length;
            if matches!(code, 0xc4 | 0xdb) {
                work.tables += length;
            }
        }
    }
    work
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
