//! LayerNorm over the channels of one pixel.

use super::simd::Simd;

/// `y = (x - mean) / sqrt(variance + epsilon) * gain + shift` over the real channels of a pixel.
///
/// For bytes, `gain` and `shift` carry the scale and the zero point of the quantised result.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Norm<'a> {
    /// Gain of each channel, filled with 0 to a multiple of 16.
    pub gain: &'a [f32],
    /// Shift of each channel, filled likewise.
    pub shift: &'a [f32],
    /// Real channels; those after them are 0 in every pixel.
    pub channels: usize,
    /// Added to the variance, so the root is never 0.
    pub epsilon: f32,
}

/// The memory that a pixel's result goes to.
pub(super) trait Sink<S: Simd> {
    /// # Safety
    /// Room for `S::LANES` elements at `channel`.
    unsafe fn put(&self, s: S, v: S::Floats, channel: usize);
}

/// Results stay floats.
pub(super) struct FloatSink(pub *mut f32);

impl<S: Simd> Sink<S> for FloatSink {
    #[inline(always)]
    unsafe fn put(&self, s: S, v: S::Floats, channel: usize) {
        // SAFETY: the caller promises the room.
        unsafe { s.store(self.0.add(channel), v) }
    }
}

/// Results are rounded to bytes.
pub(super) struct ByteSink(pub *mut u8);

impl<S: Simd> Sink<S> for ByteSink {
    #[inline(always)]
    unsafe fn put(&self, s: S, v: S::Floats, channel: usize) {
        // SAFETY: the caller promises the room.
        unsafe { s.store_bytes(self.0.add(channel), v) }
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

/// One pixel from `x` into `sink`.
///
/// # Safety
/// `x`, `norm.shift` and the sink have as many channels as `norm.gain`, a multiple of 16 that is less
/// than 16 above `norm.channels`.
#[inline(always)]
pub(super) unsafe fn norm<S: Simd, K: Sink<S>>(s: S, x: *const f32, norm: &Norm, sink: &K) {
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
            sink.put(s, y, c);
        }
    }
}

/// The mean over `pixels` pixels of `x`, each of `channels` floats, into `out`.
///
/// # Safety
/// `channels` is a multiple of 16; `x` has `pixels` pixels of them and `out` has one.
#[inline(always)]
pub(super) unsafe fn mean<S: Simd>(
    s: S,
    x: *const f32,
    pixels: usize,
    channels: usize,
    out: *mut f32,
) {
    // SAFETY: all vectors lie within the pixels that the caller promises.
    unsafe {
        let inverse = s.splat(1.0 / pixels as f32);
        for c in (0..channels).step_by(S::LANES) {
            let mut sum = s.splat(0.0);
            for p in 0..pixels {
                sum = s.add(sum, s.load(x.add(p * channels + c)));
            }
            s.store(out.add(c), s.mul(sum, inverse));
        }
    }
}
