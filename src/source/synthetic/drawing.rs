//! The picture of a synthetic frame, and its bytes in each format.

use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;

use crate::frame::{Colour, Matrix, PixelFormat};

/// Draws in RGB and lays the picture out in another format.
#[derive(Debug)]
pub(super) struct Drawing {
    /// In pixels, at least 1.
    width: usize,
    /// In pixels, at least 1.
    height: usize,
    /// Matrix and range of YCbCr.
    colour: Colour,
    rgb: Vec<u8>,
}

impl Drawing {
    pub fn new(width: usize, height: usize, colour: Colour) -> Self {
        Self {
            width,
            height,
            colour,
            rgb: Vec::new(),
        }
    }

    /// Draws the picture with this number: a bright square on a coloured ground.
    pub fn draw(&mut self, number: u64) {
        let (width, height) = (self.width, self.height);
        self.rgb.clear();
        self.rgb.reserve_exact(width * height * 3);
        let side = (width.min(height) / 4).max(1);
        // It wanders to and fro, by a fiftieth of the picture a frame.
        let at = |room: usize, speed: u64| {
            let step = number * speed % 100;
            room * step.min(100 - step) as usize / 50
        };
        let (left, top) = (
            at(width - side.min(width), 1),
            at(height - side.min(height), 3),
        );
        for y in 0..height {
            for x in 0..width {
                let inside = (left..left + side).contains(&x) && (top..top + side).contains(&y);
                self.rgb.extend(if inside {
                    [235, 220, 60]
                } else {
                    let across = (x * 160 / width) as u8;
                    let down = (y * 120 / height) as u8;
                    [20 + across, 40 + down, 170 - across / 2]
                });
            }
        }
    }

    /// Writes the picture to `data`, which is empty; returns the stride.
    pub fn lay_out(&self, format: PixelFormat, data: &mut Vec<u8>) -> usize {
        match format {
            PixelFormat::Rgb24 => data.extend_from_slice(&self.rgb),
            PixelFormat::Bgr24 => {
                data.extend(self.rgb.chunks_exact(3).flat_map(|p| [p[2], p[1], p[0]]));
            }
            PixelFormat::Grey | PixelFormat::Nv12 | PixelFormat::Yu12 => self.planes(format, data),
            PixelFormat::Yuyv | PixelFormat::Uyvy => self.packed(format, data),
            PixelFormat::Jpeg => self.jpeg(data),
        }
        stride(format, self.width)
    }

    /// Luma, and chroma of half the size where `format` has it.
    fn planes(&self, format: PixelFormat, data: &mut Vec<u8>) {
        let (width, height) = (self.width, self.height);
        let (pairs, lines) = (width.div_ceil(2), height.div_ceil(2));
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let blocks = || (0..lines).flat_map(move |y| (0..pairs).map(move |x| (2 * x, 2 * y)));
        let chroma = |(x, y)| {
            let [_, cb, cr] = self.sample(x, y, 2, 2);
            [cb, cr]
        };
        data.extend(pixels.map(|(x, y)| self.sample(x, y, 1, 1)[0]));
        match format {
            // Chroma rows are as far apart as luma's, rounded up to a pair.
            PixelFormat::Nv12 => data.extend(blocks().flat_map(chroma)),
            PixelFormat::Yu12 => {
                data.extend(blocks().map(|at| chroma(at)[0]));
                data.extend(blocks().map(|at| chroma(at)[1]));
            }
            _ => {}
        }
    }

    /// Two neighbours at a time, with the chroma that they share.
    fn packed(&self, format: PixelFormat, data: &mut Vec<u8>) {
        let pairs = self.width.div_ceil(2);
        for (x, y) in (0..self.height).flat_map(|y| (0..pairs).map(move |x| (2 * x, y))) {
            let first = self.sample(x, y, 1, 1)[0];
            let second = self.sample(x + 1, y, 1, 1)[0];
            let [_, cb, cr] = self.sample(x, y, 2, 1);
            data.extend(match format {
                PixelFormat::Yuyv => [first, cb, second, cr],
                _ => [cb, first, cr, second],
            });
        }
    }

    /// Empty for a picture that is larger than JPEG allows.
    fn jpeg(&self, data: &mut Vec<u8>) {
        let sides = (u16::try_from(self.width), u16::try_from(self.height));
        if let (Ok(width), Ok(height)) = sides {
            let (width, height) = (width.into(), height.into());
            let mut encoder = JpegEncoder::new_with_quality(data, 90);
            // Writing to memory fails for no size that JPEG allows.
            let _ = encoder.encode(&self.rgb, width, height, ExtendedColorType::Rgb8);
        }
    }

    /// The mean of the pixels of `columns` by `rows` from (x, y) on, as luma, blue and red
    /// difference.
    fn sample(&self, x: usize, y: usize, columns: usize, rows: usize) -> [u8; 3] {
        let Colour { matrix, full_range } = self.colour;
        let (kr, kb) = match matrix {
            Matrix::Bt601 => (0.299, 0.114),
            Matrix::Bt709 => (0.2126, 0.0722),
        };
        let (width, height) = (self.width, self.height);
        let mut sum = [0.0_f32; 3];
        for dy in 0..rows {
            for dx in 0..columns {
                let at = ((y + dy).min(height - 1) * width + (x + dx).min(width - 1)) * 3;
                for (sum, &value) in sum.iter_mut().zip(&self.rgb[at..at + 3]) {
                    *sum += f32::from(value) / 255.0;
                }
            }
        }
        let [r, g, b] = sum.map(|sum| sum / (columns * rows) as f32);
        let luma = kr * r + (1.0 - kr - kb) * g + kb * b;
        let (cb, cr) = ((b - luma) / (2.0 - 2.0 * kb), (r - luma) / (2.0 - 2.0 * kr));
        let (black, span, chroma) = if full_range {
            (0.0, 255.0, 255.0)
        } else {
            (16.0, 219.0, 224.0)
        };
        [
            black + span * luma,
            128.0 + chroma * cb,
            128.0 + chroma * cr,
        ]
        .map(|level| level.round().clamp(0.0, 255.0) as u8)
    }
}

/// Bytes from one row of the first plane to the next; 0 for JPEG.
fn stride(format: PixelFormat, width: usize) -> usize {
    match format {
        PixelFormat::Rgb24 | PixelFormat::Bgr24 => width * 3,
        PixelFormat::Grey | PixelFormat::Nv12 | PixelFormat::Yu12 => width,
        PixelFormat::Yuyv | PixelFormat::Uyvy => width.div_ceil(2) * 4,
        PixelFormat::Jpeg => 0,
    }
}

/// Bytes of one picture; of a JPEG, an upper bound. At quality 90 its smooth ground and its few
/// edges take far less than a third of a byte a pixel.
pub(super) fn bytes(format: PixelFormat, width: usize, height: usize) -> usize {
    let raw = format.bytes(width, height, stride(format, width));
    raw.unwrap_or(width * height / 3 + JPEG_TABLES)
}

/// Room for the tables of a JPEG picture and the first blocks.
const JPEG_TABLES: usize = 1 << 10;
