//! LayerNorm over the channels of one pixel.

use super::simd::Simd;

/// `y = (x - mean) / sqrt(variance + epsilon) * gain + shift` over the real channels of a pixel.
///
/// For bytes, `gain` and `shift` carry the scale and the zero point of the quantised result.
#[derive(Clone, Copy, Debug)]
pub struct Norm<'a> {
    /// Gain of each channel, filled with 0 to a multiple of 16.
    pub gain: &'a [f32],
    /// Shift of each channel, filled likewise.
    pub shift: &'a [f32],
    /// Real channels; those after them are 0 in every pixel.
    pub channels: usize,
    /// Added to the variance, so the root is never 0.
    pub epsilon: f32,
}

impl Norm<'_> {
    /// Whether it is over `channels` channels, filled.
    pub(super) fn fits(&self, channels: usize) -> bool {
        self.gain.len() == channels
            && self.shift.len() == channels
            && channels.is_multiple_of(16)
            && self.channels.next_multiple_of(16) == channels
    }
}

/// Normalises one pixel in place.
///
/// # Panics
/// When the pixel has other channels than `norm`.
#[inline(always)]
pub(super) fn floats<S: Simd>(s: S, pixel: &mut [f32], norm: &Norm) {
    assert!(norm.fits(pixel.len()));
    let x = pixel.as_mut_ptr();
    // SAFETY: the pixel has all channels, and the result's vectors lie in it. Each is written after
    // it was read for the last time.
    unsafe { run(s, x, norm, |v, channel| s.store(x.add(channel), v)) }
}

/// Normalises one pixel into the first bytes of `out`.
///
/// # Panics
/// When the pixel has other channels than `norm`, or `out` has fewer.
#[inline(always)]
pub(super) fn bytes<S: Simd>(s: S, pixel: &[f32], norm: &Norm, out: &mut [u8]) {
    assert!(norm.fits(pixel.len()) && out.len() >= pixel.len());
    let to = out.as_mut_ptr();
    // SAFETY: the pixel and the bytes have all channels.
    unsafe {
        run(s, pixel.as_ptr(), norm, |v, channel| {
            s.store_bytes(to.add(channel), v)
        })
    }
}

/// Sums 16 lanes in an order that no width changes: channel `c` goes to lane `c % 16`, and lanes
/// are halved.
#[inline(always)]
fn total<S: Simd>(s: S, lanes: [S::Floats; 4]) -> f32 {
    let mut flat = [0.0_f32; 16];
    for (i, v) in lanes.into_iter().take(16 / S::LANES).enumerate() {
        // SAFETY: `16 / LANES` vectors fill the 16 floats.
        unsafe { s.store(flat.as_mut_ptr().add(i * S::LANES), v) };
    }
    for half in [8, 4, 2, 1] {
        for i in 0..half {
            flat[i] += flat[i + half];
        }
    }
    flat[0]
}

/// Normalises the pixel at `x`, and calls `put` with each vector of the result and its channel.
///
/// # Safety
/// `norm.fits` as many channels as can be read at `x`, while `put` may write the vector that it is
/// called with.
#[inline(always)]
unsafe fn run<S: Simd>(s: S, x: *const f32, norm: &Norm, put: impl Fn(S::Floats, usize)) {
    let (filled, n) = (norm.gain.len(), 16 / S::LANES);
    // SAFETY: all vectors begin at multiples of `LANES` below `filled`, where the caller promises
    // channels.
    unsafe {
        let zero = s.splat(0.0);
        let mut sums = [zero; 4];
        for c in (0..filled).step_by(16) {
            for (i, sum) in sums.iter_mut().enumerate().take(n) {
                *sum = s.add(*sum, s.load(x.add(c + i * S::LANES)));
            }
        }
        let count = norm.channels as f32;
        let mean_of_all = total(s, sums) / count;
        let mean = s.splat(mean_of_all);
        let mut squares = [zero; 4];
        for c in (0..norm.channels / 16 * 16).step_by(16) {
            for (i, sum) in squares.iter_mut().enumerate().take(n) {
                let d = s.sub(s.load(x.add(c + i * S::LANES)), mean);
                *sum = s.fma(d, d, *sum);
            }
        }
        if norm.channels < filled {
            let mut last = [0.0_f32; 16];
            for (i, d) in last.iter_mut().enumerate().take(norm.channels % 16) {
                *d = *x.add(norm.channels / 16 * 16 + i) - mean_of_all;
            }
            for (i, sum) in squares.iter_mut().enumerate().take(n) {
                let d = s.load(last.as_ptr().add(i * S::LANES));
                *sum = s.fma(d, d, *sum);
            }
        }
        let inverse = s.splat(1.0 / (total(s, squares) / count + norm.epsilon).sqrt());
        for c in (0..filled).step_by(S::LANES) {
            let d = s.mul(s.sub(s.load(x.add(c)), mean), inverse);
            let y = s.fma(
                d,
                s.load(norm.gain.as_ptr().add(c)),
                s.load(norm.shift.as_ptr().add(c)),
            );
            put(y, c);
        }
    }
}

/// The mean over all pixels of `x`, each of as many channels as `out`.
///
/// # Panics
/// When `x` has no whole pixels, or the channels are no multiple of 16.
#[inline(always)]
pub(super) fn mean<S: Simd>(s: S, x: &[f32], out: &mut [f32]) {
    let channels = out.len();
    assert!(channels.is_multiple_of(16) && x.len().is_multiple_of(channels));
    let inverse = s.splat(1.0 / (x.len() / channels) as f32);
    for c in (0..channels).step_by(S::LANES) {
        let mut sum = s.splat(0.0);
        for pixel in x.chunks_exact(channels) {
            // SAFETY: the pixel has all channels.
            sum = s.add(sum, unsafe { s.load(pixel.as_ptr().add(c)) });
        }
        // SAFETY: so has `out`.
        unsafe { s.store(out.as_mut_ptr().add(c), s.mul(sum, inverse)) };
    }
}
