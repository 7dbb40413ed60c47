//! A frame as JPEG within a number of bytes.

use std::io::{self, Write};

use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;
use sha2::{Digest, Sha256};

use crate::frame::{self, View};
use crate::vision::{self, Thumbnailer};

/// The parts of `longest_side` that are tried, in sixteenths.
const SIZES: [usize; 4] = [16, 12, 8, 5];
/// The parts of `quality` that are tried at each size, in eighths.
const QUALITIES: [u8; 3] = [8, 6, 4];

/// The bounds of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// The most pixels of a side.
    pub(crate) longest_side: usize,
    /// Quality of the JPEG, as in libjpeg.
    pub(crate) quality: u8,
    /// The most bytes of the file.
    pub(crate) max_bytes: usize,
    /// What to do if no picture is small enough.
    pub(crate) remedy: &'static str,
}

/// Encodes frames; its buffers are kept from one to the next.
pub(crate) struct Encoder {
    bounds: Bounds,
    thumbnailer: Thumbnailer,
}

/// A picture in JPEG.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    /// Width in pixels.
    pub(crate) width: usize,
    /// Height in pixels.
    pub(crate) height: usize,
    /// The JPEG file.
    pub(crate) jpeg: Vec<u8>,
    /// Its SHA-256, in hex.
    pub(crate) sha256: String,
}

/// Why there is no picture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    /// The frame cannot be read.
    #[error(transparent)]
    Frame(#[from] frame::Error),
    /// No size and quality is small enough.
    #[error("even a small picture of low quality is larger than {0} bytes; {1}")]
    TooLarge(usize, &'static str),
}

impl Encoder {
    /// For pictures of a `thumbnailer` within `bounds`.
    pub(crate) fn new(bounds: Bounds, thumbnailer: Thumbnailer) -> Self {
        Self {
            bounds,
            thumbnailer,
        }
    }

    /// Makes pictures with another `thumbnailer` from here on.
    pub(crate) fn set_thumbnailer(&mut self, thumbnailer: Thumbnailer) {
        self.thumbnailer = thumbnailer;
    }

    /// The picture of `view` of the best size and quality that fits into `max_bytes`: first the
    /// quality is lowered to half, then the size.
    ///
    /// # Errors
    /// [`Error::Frame`]; [`Error::TooLarge`] if none fits.
    pub(crate) fn encode(&mut self, view: View<'_>) -> Result<Picture, Error> {
        let Bounds {
            longest_side,
            quality,
            max_bytes,
            remedy,
        } = self.bounds;
        let mut jpeg = Vec::with_capacity(max_bytes);
        let mut last = (0, 0);
        for sixteenths in SIZES {
            let side = (longest_side * sixteenths / 16).max(1);
            let picture = self.thumbnailer.make(view, side)?;
            let (width, height) = (picture.width, picture.height);
            if (width, height) == last {
                // A small frame is no smaller with another bound.
                continue;
            }
            last = (width, height);
            for eighths in QUALITIES {
                let quality = (u16::from(quality) * u16::from(eighths) / 8).max(5) as u8;
                let mut within = Within {
                    bytes: &mut jpeg,
                    most: max_bytes,
                };
                within.bytes.clear();
                let mut encoder = JpegEncoder::new_with_quality(&mut within, quality);
                let rgb = ExtendedColorType::Rgb8;
                let encoded = encoder.encode(picture.rgb, width as u32, height as u32, rgb);
                if encoded.is_ok() {
                    jpeg.shrink_to_fit();
                    return Ok(Picture {
                        width,
                        height,
                        sha256: format!("{:x}", Sha256::digest(&jpeg)),
                        jpeg,
                    });
                }
            }
        }
        Err(Error::TooLarge(max_bytes, remedy))
    }
}

/// Bytes of memory that an encoder for frames of up to this size takes: its thumbnail, what
/// decoding and resizing takes, and the JPEG file.
pub(crate) fn memory(
    bounds: &Bounds,
    vision: &vision::Config,
    width: usize,
    height: usize,
) -> usize {
    let (w, h) = vision::fitted((width as f64, height as f64), bounds.longest_side);
    let decoding = vision::memory(width, height) + vision.mask_memory(height);
    3 * w * h + decoding + bounds.max_bytes
}

/// Takes at most so many bytes. The encoder ends at the first one beyond.
struct Within<'a> {
    bytes: &'a mut Vec<u8>,
    most: usize,
}

impl Write for Within<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.most {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Frame, PixelFormat};

    /// Noise that no encoder makes small.
    fn noise(width: usize, height: usize) -> Frame {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        Frame {
            format: PixelFormat::Rgb24,
            width,
            height,
            stride: 3 * width,
            data: (0..3 * width * height)
                .map(|_| next())
                .collect::<Vec<_>>()
                .into(),
            ..Frame::empty()
        }
    }

    const BOUNDS: Bounds = Bounds {
        longest_side: 640,
        quality: 80,
        max_bytes: 120_000,
        remedy: "set more",
    };

    fn encode(bounds: Bounds, frame: &Frame) -> Result<Picture, Error> {
        let thumbnailer = Thumbnailer::new(&vision::Config::default());
        Encoder::new(bounds, thumbnailer).encode(frame.view())
    }

    #[test]
    fn a_picture_decodes_at_the_size_that_it_tells() {
        let bounds = Bounds {
            longest_side: 100,
            ..BOUNDS
        };
        let picture = encode(bounds, &noise(200, 50)).unwrap();
        let decoded = image::load_from_memory(&picture.jpeg).unwrap();
        assert_eq!((picture.width, picture.height), (100, 25));
        assert_eq!((decoded.width(), decoded.height()), (100, 25));
    }

    #[test]
    fn quality_and_then_size_give_way_until_it_fits() {
        let frame = noise(160, 120);
        let mut sizes = Vec::new();
        for max_bytes in [80_000, 20_000, 10_000, 4096] {
            let bounds = Bounds {
                longest_side: 160,
                max_bytes,
                ..BOUNDS
            };
            let picture = encode(bounds, &frame).unwrap();
            assert!(picture.jpeg.len() <= max_bytes, "{max_bytes}");
            assert!(picture.jpeg.capacity() <= max_bytes, "{max_bytes}");
            sizes.push((picture.width, picture.jpeg.len()));
        }
        assert_eq!(sizes[0].0, 160);
        assert!(sizes.is_sorted_by(|a, b| a > b), "{sizes:?}");
        assert!(sizes[3].0 < 160, "{sizes:?}");
    }

    #[test]
    fn what_never_fits_is_an_error_with_the_bound() {
        let bounds = Bounds {
            longest_side: 3840,
            max_bytes: 4096,
            ..BOUNDS
        };
        let error = encode(bounds, &noise(900, 700)).unwrap_err();
        assert_eq!(error, Error::TooLarge(4096, "set more"));
        assert!(error.to_string().ends_with("than 4096 bytes; set more"));
    }
}
