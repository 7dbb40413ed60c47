//! The depthwise 7x7 convolution, channels last, one row of pixels at a time.

use super::map::FeatureMap;
use super::simd::Simd;

/// Side of the window.
const SIDE: usize = 7;
/// Pixels of padding around the picture.
const PAD: usize = SIDE / 2;

/// A depthwise 7x7 convolution with 3 pixels of zeros around the picture.
#[derive(Clone, Copy, Debug)]
pub struct Depthwise<'a> {
    /// Channels, filled to a multiple of 16, of each of the 49 taps, row by row.
    pub weights: &'a [f32],
    /// Bias of each channel.
    pub bias: &'a [f32],
}

impl Depthwise<'_> {
    fn check(&self) {
        let n = self.bias.len();
        assert!(n.is_multiple_of(16) && self.weights.len() == n * SIDE * SIDE);
    }
}

/// Row `y` of the result of `x`, a picture of `map`, into `out`.
///
/// A sum starts with the bias and runs over the rows, then the columns, of the window.
///
/// # Panics
/// When sizes do not fit each other.
#[inline(always)]
pub(super) fn row<S: Simd>(
    s: S,
    x: &[f32],
    map: FeatureMap,
    y: usize,
    dw: &Depthwise,
    out: &mut [f32],
) {
    dw.check();
    let FeatureMap {
        height,
        width,
        channels,
    } = map;
    assert!(x.len() == map.floats() && out.len() == width * channels);
    assert!(dw.bias.len() == channels && y < height);
    let (x, out) = (x.as_ptr(), out.as_mut_ptr());
    for c in (0..channels).step_by(S::LANES) {
        let mut at = 0;
        // SAFETY: sizes are checked above; `at + X` stays within the row, and `c` within the
        // channels.
        unsafe {
            while S::PIXELS >= 8 && at + 8 <= width {
                pixels::<S, 8>(s, x, height, width, y, at, c, dw, out);
                at += 8;
            }
            while at + 4 <= width {
                pixels::<S, 4>(s, x, height, width, y, at, c, dw, out);
                at += 4;
            }
            while at < width {
                pixels::<S, 1>(s, x, height, width, y, at, c, dw, out);
                at += 1;
            }
        }
    }
}

/// `X` pixels from `at`, one vector of channels from `c`. Each input pixel is loaded once for all
/// that it touches.
///
/// # Safety
/// `dw.check()` holds; `x` has `height * width` pixels and `out` has `width`; `y < height`. `at +
/// X` is at most `width`, and `c` is a multiple of `LANES` below the number of channels.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn pixels<S: Simd, const X: usize>(
    s: S,
    x: *const f32,
    height: usize,
    width: usize,
    y: usize,
    at: usize,
    c: usize,
    dw: &Depthwise,
    out: *mut f32,
) {
    let channels = dw.bias.len();
    // SAFETY: the weights have 49 taps of all channels, and rows and columns outside the picture
    // are skipped; the caller promises the rest.
    unsafe {
        let mut sums = [s.load(dw.bias.as_ptr().add(c)); X];
        for ky in PAD.saturating_sub(y)..SIDE.min(height + PAD - y) {
            let line = x.add((y + ky - PAD) * width * channels + c);
            let taps = dw.weights.as_ptr().add(ky * SIDE * channels + c);
            let w: [S::Floats; SIDE] = [
                s.load(taps),
                s.load(taps.add(channels)),
                s.load(taps.add(2 * channels)),
                s.load(taps.add(3 * channels)),
                s.load(taps.add(4 * channels)),
                s.load(taps.add(5 * channels)),
                s.load(taps.add(6 * channels)),
            ];
            for i in 0..X + SIDE - 1 {
                let column = (at + i).wrapping_sub(PAD);
                if column < width {
                    let v = s.load(line.add(column * channels));
                    for j in 0..X {
                        if i >= j && i - j < SIDE {
                            sums[j] = s.fma(v, w[i - j], sums[j]);
                        }
                    }
                }
            }
        }
        for (j, sum) in sums.into_iter().enumerate() {
            s.store(out.add((at + j) * channels + c), sum);
        }
    }
}
