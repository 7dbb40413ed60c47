//! Raw frames, one after the other, without any header.

use std::io::{self, BufRead};

use super::input::Fetched;
use super::y4m::matrix;
use crate::frame::{Colour, Frame, PixelFormat};

/// The size and the layout of the frames, which the stream itself does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::source) struct RawFormat {
    /// YU12 or grey.
    pub format: PixelFormat,
    /// In pixels.
    pub width: usize,
    /// In pixels.
    pub height: usize,
    /// Bytes from one row of luma to the next, at least `width`.
    pub stride: usize,
}

impl RawFormat {
    /// Bytes of one frame in the stream. Each row of each plane is padded, the last one too.
    pub fn frame_len(&self) -> usize {
        let luma = self.stride * self.height;
        match self.format {
            PixelFormat::Yu12 => luma + 2 * self.stride.div_ceil(2) * self.height.div_ceil(2),
            _ => luma,
        }
    }

    /// The colours, which the stream does not tell either: as of a Y4M stream. Grey pictures use
    /// the full range.
    fn colour(&self) -> Colour {
        Colour {
            matrix: matrix(self.width, self.height),
            full_range: self.format == PixelFormat::Grey,
        }
    }
}

/// A stream of raw frames.
pub(in crate::source) struct RawStream<R> {
    pub(in crate::source) input: R,
    format: RawFormat,
    /// Whether the stream ended within a frame.
    cut: bool,
}

impl<R: BufRead> RawStream<R> {
    /// Frames of this format from `input`.
    pub fn new(input: R, format: RawFormat) -> Self {
        Self {
            input,
            format,
            cut: false,
        }
    }

    /// Reads the next frame. A frame that is cut off is the last thing before the end.
    pub fn next(&mut self, frame: &mut Frame) -> io::Result<Fetched> {
        if self.cut {
            return Ok(Fetched::End);
        }
        let length = self.format.frame_len();
        let data = frame.data.cleared(length);
        data.resize(length, 0);
        let got = fill(&mut self.input, data)?;
        if got == 0 {
            return Ok(Fetched::End);
        }
        if got < length {
            self.cut = true;
            data.clear();
            return Ok(Fetched::Bad {
                cause: "truncated",
                message: format!("the last frame has {got} of {length} bytes"),
            });
        }
        let RawFormat {
            format,
            width,
            height,
            stride,
        } = self.format;
        (frame.format, frame.stride) = (format, stride);
        (frame.width, frame.height) = (width, height);
        frame.colour = self.format.colour();
        Ok(Fetched::Frame)
    }
}

/// Fills `to` as far as the input goes; returns how far.
fn fill(input: &mut impl BufRead, to: &mut [u8]) -> io::Result<usize> {
    let mut got = 0;
    while got < to.len() {
        match input.read(&mut to[got..]) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(got)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Matrix;

    const SMALL: RawFormat = RawFormat {
        format: PixelFormat::Yu12,
        width: 3,
        height: 3,
        stride: 4,
    };

    #[test]
    fn rows_of_all_planes_are_padded() {
        assert_eq!(SMALL.frame_len(), 4 * 3 + 2 * 2 * 2);
        let grey = RawFormat {
            format: PixelFormat::Grey,
            ..SMALL
        };
        assert_eq!(grey.frame_len(), 12);
        let least = PixelFormat::Yu12.bytes(3, 3, 4);
        assert!(least.is_some_and(|least| least <= SMALL.frame_len()));
    }

    #[test]
    fn a_frame_that_is_cut_at_any_byte_is_counted_once() {
        let length = SMALL.frame_len();
        let stream: Vec<u8> = (0..2 * length).map(|n| n as u8).collect();
        for cut in 0..=2 * length {
            let mut raw = RawStream::new(&stream[..cut], SMALL);
            let mut frame = Frame::empty();
            for n in 0..cut / length {
                assert_eq!(raw.next(&mut frame).unwrap(), Fetched::Frame);
                assert_eq!(&*frame.data, &stream[n * length..][..length]);
            }
            if !cut.is_multiple_of(length) {
                let bad = raw.next(&mut frame).unwrap();
                assert!(
                    matches!(bad, Fetched::Bad { cause, .. } if cause == "truncated"),
                    "{bad:?}"
                );
            }
            assert_eq!(raw.next(&mut frame).unwrap(), Fetched::End, "{cut}");
        }
    }

    #[test]
    fn colours_are_those_of_video_and_grey_is_full() {
        let mut raw = RawStream::new(&[7; 64][..], SMALL);
        let mut frame = Frame::empty();
        assert_eq!(raw.next(&mut frame).unwrap(), Fetched::Frame);
        assert_eq!(
            (frame.colour.matrix, frame.colour.full_range),
            (Matrix::Bt601, false)
        );
        let grey = RawFormat {
            format: PixelFormat::Grey,
            ..SMALL
        };
        let mut raw = RawStream::new(&[7; 64][..], grey);
        assert_eq!(raw.next(&mut frame).unwrap(), Fetched::Frame);
        assert!(frame.colour.full_range);
        assert_eq!(frame.format, PixelFormat::Grey);
    }
}
