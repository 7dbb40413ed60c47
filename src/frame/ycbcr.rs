//! The meaning of a pixel's three bytes, and the conversion of YCbCr to RGB in fixed point.

use super::{Colour, Matrix};

/// The meaning of a pixel's three bytes.
///
/// The two are linear in each other, except outside RGB's range. So a picture may be reduced first,
/// and only the smaller one converted to RGB.
#[derive(Clone, Copy, Debug)]
pub enum Samples {
    /// Red, green, blue.
    Rgb,
    /// Luma, Cb, Cr.
    Ycbcr(Ycbcr),
}

impl Samples {
    /// The three bytes of a black pixel.
    pub(crate) const fn black(self) -> [u8; 3] {
        match self {
            Self::Rgb => [0; 3],
            Self::Ycbcr(factors) => [factors.black as u8, 128, 128],
        }
    }

    /// Converts a row of pixels to RGB.
    pub(crate) fn to_rgb(self, row: &mut [u8]) {
        if let Self::Ycbcr(factors) = self {
            for pixel in row.as_chunks_mut().0 {
                *pixel = factors.rgb(*pixel);
            }
        }
    }

    /// The sum of the luma of `row`, in 256ths of a level; black is 0 and white 255 in either
    /// range.
    ///
    /// The luma of RGB is that of ITU-R BT.601.
    pub(crate) fn luma(&self, row: &[u8]) -> u32 {
        let pixels = row.as_chunks().0;
        match self {
            Self::Rgb => {
                let luma = |&[r, g, b]: &[u8; 3]| {
                    [77 * u32::from(r), 150 * u32::from(g), 29 * u32::from(b)]
                };
                pixels.iter().flat_map(luma).sum()
            }
            Self::Ycbcr(factors) => {
                let sum: i64 = pixels.iter().map(|&[y, ..]| i64::from(y)).sum();
                let count = pixels.len() as i64;
                let level = (sum - count * i64::from(factors.black)) * i64::from(factors.luma);
                (level >> (BITS - 8)).clamp(0, count * (255 << 8)) as u32
            }
        }
    }
}

const BITS: u32 = 16;
const HALF: i32 = 1 << (BITS - 1);

/// The factors of one matrix and range, in units of 2⁻¹⁶.
#[derive(Clone, Copy, Debug)]
pub struct Ycbcr {
    luma: i32,
    black: i32,
    red_cr: i32,
    green_cb: i32,
    green_cr: i32,
    blue_cb: i32,
}

impl Ycbcr {
    /// JPEG's: full range, and the matrix of BT.601.
    pub(crate) fn jpeg() -> Self {
        Self::new(Colour {
            matrix: Matrix::Bt601,
            full_range: true,
        })
    }

    /// The factors for `colour`, from the luma weights of ITU-R BT.601 and BT.709.
    pub(crate) fn new(colour: Colour) -> Self {
        let (kr, kb) = match colour.matrix {
            Matrix::Bt601 => (0.299, 0.114),
            Matrix::Bt709 => (0.2126, 0.0722),
        };
        let kg = 1.0 - kr - kb;
        let (luma, chroma, black) = if colour.full_range {
            (1.0, 1.0, 0)
        } else {
            (255.0 / 219.0, 255.0 / 224.0, 16)
        };
        let fixed = |v: f64| (v * f64::from(1 << BITS)).round() as i32;
        Self {
            luma: fixed(luma),
            black,
            red_cr: fixed(2.0 * (1.0 - kr) * chroma),
            green_cb: fixed(2.0 * (1.0 - kb) * kb / kg * chroma),
            green_cr: fixed(2.0 * (1.0 - kr) * kr / kg * chroma),
            blue_cb: fixed(2.0 * (1.0 - kb) * chroma),
        }
    }

    /// The grey level of a luma without chroma.
    #[inline(always)]
    pub(crate) fn grey(&self, y: u8) -> u8 {
        let level = (i32::from(y) - self.black) * self.luma + HALF;
        (level >> BITS).clamp(0, 255) as u8
    }

    /// The RGB of one pixel of luma, Cb and Cr.
    #[inline(always)]
    pub(crate) fn rgb(&self, [y, cb, cr]: [u8; 3]) -> [u8; 3] {
        let y = (i32::from(y) - self.black) * self.luma + HALF;
        let cb = i32::from(cb) - 128;
        let cr = i32::from(cr) - 128;
        let sums = [
            y + cr * self.red_cr,
            y - cb * self.green_cb - cr * self.green_cr,
            y + cb * self.blue_cb,
        ];
        sums.map(|sum| (sum >> BITS).clamp(0, 255) as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rgb(colour: Colour, y: u8, cb: u8, cr: u8) -> [u8; 3] {
        Ycbcr::new(colour).rgb([y, cb, cr])
    }

    #[test]
    fn full_range_grey_is_its_luma() {
        let colour = Colour {
            full_range: true,
            ..Colour::default()
        };
        for y in 0..=255 {
            assert_eq!(rgb(colour, y, 128, 128), [y; 3]);
        }
    }

    #[test]
    fn video_range_reaches_black_and_white_and_clips_beyond() {
        for matrix in [Matrix::Bt601, Matrix::Bt709] {
            let colour = Colour {
                matrix,
                full_range: false,
            };
            assert_eq!(rgb(colour, 16, 128, 128), [0; 3]);
            assert_eq!(rgb(colour, 235, 128, 128), [255; 3]);
            assert_eq!(rgb(colour, 0, 128, 128), [0; 3]);
            assert_eq!(rgb(colour, 255, 128, 128), [255; 3]);
            for y in 0..=255 {
                let grey = Ycbcr::new(colour).grey(y);
                assert_eq!(rgb(colour, y, 128, 128), [grey; 3]);
            }
        }
    }

    /// The 100 % colour bars of BT.601 and BT.709 in video range, as the standards' tables give
    /// them.
    #[test]
    fn colour_bars_come_out_pure() {
        let bars = [
            (Matrix::Bt601, [81, 90, 240], [255, 0, 0]),
            (Matrix::Bt601, [145, 54, 34], [0, 255, 0]),
            (Matrix::Bt601, [41, 240, 110], [0, 0, 255]),
            (Matrix::Bt709, [63, 102, 240], [255, 0, 0]),
            (Matrix::Bt709, [173, 42, 26], [0, 255, 0]),
            (Matrix::Bt709, [32, 240, 118], [0, 0, 255]),
        ];
        for (matrix, [y, cb, cr], want) in bars {
            let got = rgb(
                Colour {
                    matrix,
                    full_range: false,
                },
                y,
                cb,
                cr,
            );
            for (g, w) in got.iter().zip(want) {
                assert!(g.abs_diff(w) <= 2, "{matrix:?} {y},{cb},{cr}: {got:?}");
            }
        }
    }
}
