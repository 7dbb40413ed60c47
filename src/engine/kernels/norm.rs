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
    /// What keeps the root away from 0.
    pub epsilon: f32,
}

/// Where a pixel's result goes.
pub(super) trait Sink<S: Simd> {
    /// # Safety
    /// Room for `S::LANES` elements at `channel`.
    unsafe fn put(&self, v: S::V, channel: usize);
}

pub(super) struct Floats(pub *mut f32);

impl<S: Simd> Sink<S> for Floats {
    #[inline(always)]
    unsafe fn put(&self, v: S::V, channel: usize) {
        // SAFETY: the caller's.
        unsafe { S::store(self.0.add(channel), v) }
    }
}

pub(super) struct Bytes(pub *mut u8);

impl<S: Simd> Sink<S> for Bytes {
    #[inline(always)]
    unsafe fn put(&self, v: S::V, channel: usize) {
        // SAFETY: the caller's.
        unsafe { S::store_bytes(self.0.add(channel), v) }
    }
}

/// Sums 16 lanes in an order that no width changes: channel `c` goes to lane `c % 16`, and lanes
/// are halved.
#[inline(always)]
unsafe fn total<S: Simd>(lanes: [S::V; 4]) -> f32 {
    let mut flat = [0.0_f32; 16];
    for (i, v) in lanes.into_iter().take(16 / S::LANES).enumerate() {
        // SAFETY: 16 floats, `16 / LANES` vectors.
        unsafe { S::store(flat.as_mut_ptr().add(i * S::LANES), v) };
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
/// The instruction set of `S` exists; `x` and the sink have as many channels as `norm.gain`.
#[inline(always)]
pub(super) unsafe fn norm<S: Simd, K: Sink<S>>(x: *const f32, norm: &Norm, sink: &K) {
    let (filled, n) = (norm.gain.len(), 16 / S::LANES);
    // SAFETY: the caller's; all offsets are below `filled`, a multiple of 16.
    unsafe {
        let zero = S::splat(0.0);
        let mut sums = [zero; 4];
        for c in (0..filled).step_by(16) {
            for (i, sum) in sums.iter_mut().enumerate().take(n) {
                *sum = S::add(*sum, S::load(x.add(c + i * S::LANES)));
            }
        }
        let count = norm.channels as f32;
        let mean_of_all = total::<S>(sums) / count;
        let mean = S::splat(mean_of_all);
        let mut squares = [zero; 4];
        for c in (0..norm.channels / 16 * 16).step_by(16) {
            for (i, sum) in squares.iter_mut().enumerate().take(n) {
                let d = S::sub(S::load(x.add(c + i * S::LANES)), mean);
                *sum = S::fma(d, d, *sum);
            }
        }
        if norm.channels < filled {
            let mut last = [0.0_f32; 16];
            for (i, d) in last.iter_mut().enumerate().take(norm.channels % 16) {
                *d = *x.add(norm.channels / 16 * 16 + i) - mean_of_all;
            }
            for (i, sum) in squares.iter_mut().enumerate().take(n) {
                let d = S::load(last.as_ptr().add(i * S::LANES));
                *sum = S::fma(d, d, *sum);
            }
        }
        let inverse = S::splat(1.0 / (total::<S>(squares) / count + norm.epsilon).sqrt());
        for c in (0..filled).step_by(S::LANES) {
            let d = S::mul(S::sub(S::load(x.add(c)), mean), inverse);
            let y = S::fma(
                d,
                S::load(norm.gain.as_ptr().add(c)),
                S::load(norm.shift.as_ptr().add(c)),
            );
            sink.put(y, c);
        }
    }
}

/// The mean over `pixels` pixels of `x`, each of `channels` floats, into `out`.
///
/// # Safety
/// The instruction set of `S` exists; `channels` is a multiple of 16 and both buffers are that
/// large.
#[inline(always)]
pub(super) unsafe fn mean<S: Simd>(x: *const f32, pixels: usize, channels: usize, out: *mut f32) {
    // SAFETY: the caller's.
    unsafe {
        let inverse = S::splat(1.0 / pixels as f32);
        for c in (0..channels).step_by(S::LANES) {
            let mut sum = S::splat(0.0);
            for p in 0..pixels {
                sum = S::add(sum, S::load(x.add(p * channels + c)));
            }
            S::store(out.add(c), S::mul(sum, inverse));
        }
    }
}
