//! The picture of a synthetic frame, and its bytes in each format.
//!
//! Every pixel is computed where it is needed, so that no second copy of a picture is held.

use std::ops::Range;

use image::codecs::jpeg::JpegEncoder;
use image::{GenericImageView, Rgb};

use crate::frame::{Colour, Matrix, PixelFormat};

/// A picture that is computed pixel by pixel, and laid out in any format.
#[derive(Debug)]
pub(super) struct Drawing {
    /// In pixels, at least 1.
    width: usize,
    /// In pixels, at least 1.
    height: usize,
    /// Matrix and range of YCbCr.
    colour: Colour,
    /// The brightness of the ground in each column and in each row.
    across: Vec<u8>,
    down: Vec<u8>,
    /// The columns and rows of the square.
    columns: Range<usize>,
    rows: Range<usize>,
}

impl Drawing {
    pub fn new(width: usize, height: usize, colour: Colour) -> Self {
        Self {
            width,
            height,
            colour,
            across: (0..width).map(|x| (x * 160 / width) as u8).collect(),
            down: (0..height).map(|y| (y * 120 / height) as u8).collect(),
            columns: 0..0,
            rows: 0..0,
        }
    }

    /// Draws the picture with this number: a bright square on a coloured ground.
    pub fn draw(&mut self, number: u64) {
        let (width, height) = (self.width, self.height);
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
        (self.columns, self.rows) = (left..left + side, top..top + side);
    }

    /// Red, green and blue of one pixel.
    fn pixel(&self, x: usize, y: usize) -> [u8; 3] {
        if self.columns.contains(&x) && self.rows.contains(&y) {
            [235, 220, 60]
        } else {
            let (across, down) = (self.across[x], self.down[y]);
            [20 + across, 40 + down, 170 - across / 2]
        }
    }

    /// Writes the picture to `data`, which is empty; returns the stride.
    pub fn lay_out(&self, format: PixelFormat, data: &mut Vec<u8>) -> usize {
        let pixels = (0..self.height).flat_map(|y| (0..self.width).map(move |x| (x, y)));
        match format {
            PixelFormat::Rgb24 => pixels.for_each(|(x, y)| data.extend(self.pixel(x, y))),
            PixelFormat::Bgr24 => pixels.for_each(|(x, y)| {
                let [r, g, b] = self.pixel(x, y);
                data.extend([b, g, r]);
            }),
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
        // Writing to memory fails for no size that JPEG allows.
        let _ = JpegEncoder::new_with_quality(data, 90).encode_image(self);
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
                let pixel = self.pixel((x + dx).min(width - 1), (y + dy).min(height - 1));
                for (sum, value) in sum.iter_mut().zip(pixel) {
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

/// For the encoder, which then needs no copy of the picture.
impl GenericImageView for Drawing {
    type Pixel = Rgb<u8>;

    fn dimensions(&self) -> (u32, u32) {
        let side = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
        (side(self.width), side(self.height))
    }

    fn get_pixel(&self, x: u32, y: u32) -> Rgb<u8> {
        Rgb(self.pixel(x as usize, y as usize))
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
