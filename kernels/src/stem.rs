//! The first convolution: squares of 4x4 pixels of the planar input become one pixel of many
//! channels.

use super::simd::Simd;

/// Side of a square.
pub(super) const SIDE: usize = 4;
/// Colours of the input.
const COLOURS: usize = 3;

/// A 4x4 convolution of stride 4 over three planes.
#[derive(Clone, Copy, Debug)]
pub struct Stem<'a> {
    /// Channels, filled to a multiple of 16, of each of the 48 taps: colour, row, column.
    pub weights: &'a [f32],
    /// Bias of each channel.
    pub bias: &'a [f32],
}

impl Stem<'_> {
    fn check(&self) {
        let n = self.bias.len();
        assert!(n.is_multiple_of(16) && self.weights.len() == n * COLOURS * SIDE * SIDE);
    }
}

/// Row `y` of the result of `x`, three planes of `height` by `width`, into `out`.
///
/// # Panics
/// When sizes do not fit each other.
#[inline(always)]
pub(super) fn row<S: Simd>(
    s: S,
    x: &[f32],
    height: usize,
    width: usize,
    y: usize,
    stem: &Stem,
    out: &mut [f32],
) {
    stem.check();
    assert!(x.len() == COLOURS * height * width && y < height / SIDE);
    assert!(out.len() == width / SIDE * stem.bias.len());
    let (x, out) = (x.as_ptr(), out.as_mut_ptr());
    let mut at = 0;
    // SAFETY: sizes are checked above, and `at + X` stays within the row.
    unsafe {
        while at + 8 <= width / SIDE {
            pixels::<S, 8>(s, x, height, width, y, at, stem, out);
            at += 8;
        }
        while at < width / SIDE {
            pixels::<S, 1>(s, x, height, width, y, at, stem, out);
            at += 1;
        }
    }
}

/// `X` pixels from `at`.
///
/// # Safety
/// `stem.check()` holds; `x` has three planes; `out` has `width / 4` pixels; `y < height / 4`. `at
/// + X` is at most `width / 4`.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn pixels<S: Simd, const X: usize>(
    s: S,
    x: *const f32,
    height: usize,
    width: usize,
    y: usize,
    at: usize,
    stem: &Stem,
    out: *mut f32,
) {
    let channels = stem.bias.len();
    for c in (0..channels).step_by(S::LANES) {
        // SAFETY: the weights have 48 taps of all channels; the caller promises the rest.
        unsafe {
            let mut sums = [s.load(stem.bias.as_ptr().add(c)); X];
            let mut tap = stem.weights.as_ptr().add(c);
            for line in 0..COLOURS * SIDE {
                let (colour, ky) = (line / SIDE, line % SIDE);
                let row = x.add((colour * height + y * SIDE + ky) * width + at * SIDE);
                for kx in 0..SIDE {
                    let w = s.load(tap);
                    tap = tap.wrapping_add(channels);
                    for (j, sum) in sums.iter_mut().enumerate() {
                        *sum = s.fma(s.splat(*row.add(j * SIDE + kx)), w, *sum);
                    }
                }
            }
            for (j, sum) in sums.into_iter().enumerate() {
                s.store(out.add((at + j) * channels + c), sum);
            }
        }
    }
}
