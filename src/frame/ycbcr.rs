//! From YCbCr to RGB: one pixel in fixed point, or a row of JPEG's in lanes.

use super::{Colour, Matrix};

const BITS: u32 = 16;
const HALF: i32 = 1 << (BITS - 1);

/// The factors of one matrix and range, in units of 2⁻¹⁶.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ycbcr {
    luma: i32,
    black: i32,
    red_cr: i32,
    green_cb: i32,
    green_cr: i32,
    blue_cb: i32,
}

impl Ycbcr {
    /// The factors for `colour`, from the luma weights that ITU-R BT.601 and BT.709 give.
    pub fn new(colour: Colour) -> Self {
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

    /// The grey of a luma alone.
    #[inline(always)]
    pub fn grey(&self, y: u8) -> u8 {
        let level = (i32::from(y) - self.black) * self.luma + HALF;
        (level >> BITS).clamp(0, 255) as u8
    }

    /// One pixel, written to the three bytes of `rgb`.
    #[inline(always)]
    pub fn write(&self, y: u8, cb: u8, cr: u8, rgb: &mut [u8]) {
        let y = (i32::from(y) - self.black) * self.luma + HALF;
        let cb = i32::from(cb) - 128;
        let cr = i32::from(cr) - 128;
        let level = |v: i32| (v >> BITS).clamp(0, 255) as u8;
        if let [r, g, b] = rgb {
            *r = level(y + cr * self.red_cr);
            *g = level(y - cb * self.green_cb - cr * self.green_cr);
            *b = level(y + cb * self.blue_cb);
        }
    }
}

/// Pixels that are worked out together.
const LANES: usize = 16;

/// A row of full-range BT.601, as JPEG has it, where `SHARED` neighbours (1 or 2) have one chroma value.
///
/// Writes as many pixels as `rgb` holds three bytes for; the planes have at least as many.
pub(super) fn jpeg_row<const SHARED: usize>(luma: &[u8], cb: &[u8], cr: &[u8], rgb: &mut [u8]) {
    let pixels = rgb.len() / 3;
    let whole = pixels - pixels % LANES;
    let (to, last) = rgb.split_at_mut(whole * 3);
    let chroma = cb.chunks(LANES / SHARED).zip(cr.chunks(LANES / SHARED));
    for ((to, luma), (cb, cr)) in
        (to.chunks_exact_mut(LANES * 3).zip(luma.chunks(LANES))).zip(chroma)
    {
        to.copy_from_slice(&jpeg_lanes::<SHARED>(luma, cb, cr));
    }
    if !last.is_empty() {
        let (luma, at) = (&luma[whole..], whole / SHARED);
        let all = jpeg_lanes::<SHARED>(luma, &cb[at..], &cr[at..]);
        last.copy_from_slice(&all[..last.len()]);
    }
}

/// [`LANES`] pixels, of which those count that the planes have.
#[inline(always)]
fn jpeg_lanes<const SHARED: usize>(luma: &[u8], cb: &[u8], cr: &[u8]) -> [u8; LANES * 3] {
    let padded = |from: &[u8]| {
        let mut all = [0; LANES];
        match from.first_chunk() {
            Some(chunk) => all = *chunk,
            None => all[..from.len()].copy_from_slice(from),
        }
        all
    };
    let spread = |from: &[u8]| {
        let mut half = [0; LANES];
        let n = from.len().min(LANES / SHARED);
        half[..n].copy_from_slice(&from[..n]);
        let mut all = [0.0; LANES];
        for (i, to) in all.iter_mut().enumerate() {
            *to = f32::from(half[i / SHARED]) - 128.0;
        }
        all
    };
    let luma = padded(luma);
    let (cb, cr) = (spread(cb), spread(cr));
    let (mut red, mut green, mut blue) = ([0; LANES], [0; LANES], [0; LANES]);
    for i in 0..LANES {
        let luma = f32::from(luma[i]);
        red[i] = level(luma + 1.402 * cr[i]);
        green[i] = level(luma - 0.344_136 * cb[i] - 0.714_136 * cr[i]);
        blue[i] = level(luma + 1.772 * cb[i]);
    }
    let mut rgb = [0; LANES * 3];
    for (i, to) in rgb.chunks_exact_mut(3).enumerate() {
        to.copy_from_slice(&[red[i], green[i], blue[i]]);
    }
    rgb
}

/// The level of a sum. Beyond 2²³ the last bit of a float is worth one, so that adding it rounds.
#[inline(always)]
pub(super) fn level(sum: f32) -> u8 {
    (sum.clamp(0.0, 255.0) + (1u32 << 23) as f32).to_bits() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rgb(colour: Colour, y: u8, cb: u8, cr: u8) -> [u8; 3] {
        let mut out = [0; 3];
        Ycbcr::new(colour).write(y, cb, cr, &mut out);
        out
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

    /// The 100 % colour bars of BT.601 and BT.709 in video range, as the standards' tables give them.
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

    #[test]
    fn a_row_in_lanes_is_its_pixels_one_by_one() {
        let colour = Colour {
            full_range: true,
            ..Colour::default()
        };
        let plane = |factor: usize| -> Vec<u8> { (0..100).map(|i| (i * factor) as u8).collect() };
        let (luma, cb, cr) = (plane(37), plane(91), plane(149));
        for pixels in 0..100 {
            let mut row = vec![0; pixels * 3];
            for shared in [1, 2] {
                match shared {
                    1 => jpeg_row::<1>(&luma, &cb, &cr, &mut row),
                    _ => jpeg_row::<2>(&luma, &cb, &cr, &mut row),
                }
                for (x, got) in row.chunks_exact(3).enumerate() {
                    let want = rgb(colour, luma[x], cb[x / shared], cr[x / shared]);
                    assert!(got.iter().zip(want).all(|(g, w)| g.abs_diff(w) <= 1), "{x}");
                }
            }
        }
    }
}
