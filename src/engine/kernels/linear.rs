//! u8 activations times s8 weights, and what becomes of the sums: floats, a residual, or GELU and
//! bytes again.

use std::mem::MaybeUninit;
use std::ops::Range;

use super::simd::{Dot, Room, Simd};

/// The most sums that one tile of any kernel has.
const TILE: usize = 32 * 32;

/// A quantised linear layer: `y[n] = scale[n] * sum_k (x[k] - zero_point) * w[k, n] + bias[n]`.
///
/// Weights lie in blocks of 16 columns. A block holds its inputs in fours: for each four, 16
/// columns of 4 bytes. Inputs are filled with zero weights to a multiple of 64, columns to a
/// multiple of 16.
#[derive(Clone, Copy, Debug)]
pub struct Linear<'a> {
    /// Inputs, a multiple of 16; the weights of what is not a real input are zero.
    pub inputs: usize,
    /// The weights.
    pub weights: &'a [i8],
    /// Sum of the weights of each column.
    pub sums: &'a [i32],
    /// Scale of the input times scale of each column's weights.
    pub scales: &'a [f32],
    /// Bias of each column.
    pub biases: &'a [f32],
    /// Zero point of the input.
    pub zero_point: u8,
}

impl Linear<'_> {
    /// Columns, filled to a multiple of 16.
    pub fn columns(&self) -> usize {
        self.sums.len()
    }

    /// Bytes between the rows of an input, so that every kernel may read whole tiles.
    pub fn row_bytes(&self) -> usize {
        self.inputs.next_multiple_of(64)
    }

    /// Where the weight of input `k` and column `n` stands, for rows of `row_bytes`.
    pub fn place(row_bytes: usize, k: usize, n: usize) -> usize {
        n / 16 * row_bytes * 16 + k / 4 * 64 + n % 16 * 4 + k % 4
    }

    /// Bytes of one block of weights.
    pub(super) fn block_bytes(&self) -> usize {
        self.row_bytes() * 16
    }

    pub(super) fn check(&self) {
        let n = self.columns();
        assert!(
            self.inputs.is_multiple_of(16) && n.is_multiple_of(16),
            "layers are filled to 16"
        );
        assert!(
            self.scales.len() == n
                && self.biases.len() == n
                && self.weights.len() == n * self.row_bytes()
        );
    }
}

/// `x * Phi(x)` for the normal distribution's `Phi`, scaled and rounded to bytes.
///
/// `Phi(x) = 1/2 + c P(c^2)` with `c` = x clamped to ±4.25 and P of degree 8, fitted so that the
/// greatest error of `x * Phi(x)` within ±4.25 is least: 1.6e-5, and 6e-5 with rounding.
#[derive(Clone, Copy, Debug)]
pub struct Gelu {
    half: f32,
    polynomial: [f32; 9],
    zero_point: f32,
}

impl Gelu {
    const LIMIT: f32 = 4.25;
    #[allow(clippy::excessive_precision)]
    const POLYNOMIAL: [f32; 9] = [
        0.398_819_208_145_141_6,
        -0.066_190_280_020_236_97,
        0.009_718_780_405_819_416,
        -0.001_079_078_414_477_408,
        8.848_920_697_346_33e-5,
        -5.147_520_369_064_296e-6,
        1.986_162_487_810_361_2e-7,
        -4.515_314_344_644_139e-9,
        4.547_086_318_584_803e-11,
    ];

    /// GELU into bytes of the given scale and zero point.
    pub fn new(scale: f32, zero_point: u8) -> Self {
        let inverse = 1.0 / scale;
        Self {
            half: 0.5 * inverse,
            polynomial: Self::POLYNOMIAL.map(|c| c * inverse),
            zero_point: f32::from(zero_point),
        }
    }
}

/// Where results go: rows `pitch` elements apart, columns as the layer has them.
#[derive(Clone, Copy)]
pub(super) enum Target {
    Store {
        out: *mut f32,
        pitch: usize,
    },
    Add {
        out: *mut f32,
        pitch: usize,
    },
    Gelu {
        out: *mut u8,
        pitch: usize,
        gelu: Gelu,
    },
}

/// What is done with the floats of a layer.
trait Finish<S: Simd>: Copy {
    /// # Safety
    /// `at` lies within the target and leaves room for `S::LANES` elements.
    unsafe fn put(&self, v: S::V, row: usize, column: usize);
}

#[derive(Clone, Copy)]
struct Store(*mut f32, usize);

impl<S: Simd> Finish<S> for Store {
    #[inline(always)]
    unsafe fn put(&self, v: S::V, row: usize, column: usize) {
        // SAFETY: the caller's.
        unsafe { S::store(self.0.add(row * self.1 + column), v) }
    }
}

#[derive(Clone, Copy)]
struct Add(*mut f32, usize);

impl<S: Simd> Finish<S> for Add {
    #[inline(always)]
    unsafe fn put(&self, v: S::V, row: usize, column: usize) {
        // SAFETY: the caller's.
        unsafe {
            let at = self.0.add(row * self.1 + column);
            S::store(at, S::add(S::load(at), v));
        }
    }
}

#[derive(Clone, Copy)]
struct GeluBytes<S: Simd> {
    out: *mut u8,
    pitch: usize,
    half: S::V,
    polynomial: [S::V; 9],
    zero_point: S::V,
    limit: S::V,
    minus_limit: S::V,
}

impl<S: Simd + Copy> Finish<S> for GeluBytes<S> {
    #[inline(always)]
    unsafe fn put(&self, v: S::V, row: usize, column: usize) {
        // SAFETY: the caller's.
        unsafe {
            let c = S::max(S::min(v, self.limit), self.minus_limit);
            let square = S::mul(c, c);
            let mut p = self.polynomial[8];
            for i in (0..8).rev() {
                p = S::fma(p, square, self.polynomial[i]);
            }
            let phi = S::fma(c, p, self.half);
            S::store_bytes(
                self.out.add(row * self.pitch + column),
                S::fma(v, phi, self.zero_point),
            );
        }
    }
}

/// Rows `0..rows` of `a` times the blocks of 16 columns `blocks` of `layer`, into `target`.
///
/// # Safety
/// The instruction sets of `S` and `D` exist. `a` has `rows` rows `lda` bytes apart and may be read
/// to the next multiple of 16 rows; `layer.check()` holds; `target` has `rows` rows with all
/// columns of `blocks`; `room` has `D::room` of the layer's inputs.
#[inline(always)]
pub(super) unsafe fn linear<S: Simd + Copy, D: Dot>(
    a: *const u8,
    lda: usize,
    rows: usize,
    layer: &Linear,
    blocks: Range<usize>,
    target: Target,
    room: Room,
) {
    // SAFETY: the caller's promises are handed on.
    unsafe {
        match target {
            Target::Store { out, pitch } => {
                run::<S, D, _>(a, lda, rows, layer, blocks, Store(out, pitch), room)
            }
            Target::Add { out, pitch } => {
                run::<S, D, _>(a, lda, rows, layer, blocks, Add(out, pitch), room)
            }
            Target::Gelu { out, pitch, gelu } => {
                let finish = GeluBytes::<S> {
                    out,
                    pitch,
                    half: S::splat(gelu.half),
                    polynomial: [
                        S::splat(gelu.polynomial[0]),
                        S::splat(gelu.polynomial[1]),
                        S::splat(gelu.polynomial[2]),
                        S::splat(gelu.polynomial[3]),
                        S::splat(gelu.polynomial[4]),
                        S::splat(gelu.polynomial[5]),
                        S::splat(gelu.polynomial[6]),
                        S::splat(gelu.polynomial[7]),
                        S::splat(gelu.polynomial[8]),
                    ],
                    zero_point: S::splat(gelu.zero_point),
                    limit: S::splat(Gelu::LIMIT),
                    minus_limit: S::splat(-Gelu::LIMIT),
                };
                run::<S, D, _>(a, lda, rows, layer, blocks, finish, room);
            }
        }
    }
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn run<S: Simd, D: Dot, F: Finish<S>>(
    a: *const u8,
    lda: usize,
    rows: usize,
    layer: &Linear,
    blocks: Range<usize>,
    finish: F,
    room: Room,
) {
    let stride = layer.block_bytes();
    let weights = layer.weights.as_ptr();
    let mut tile = MaybeUninit::<[i32; TILE]>::uninit();
    let tile = tile.as_mut_ptr().cast::<i32>();
    let mut start = [0_i32; 16 * 4];
    let pitch = 16 * D::BLOCKS;
    // SAFETY: the caller's; `D::tile` writes the sums that are read after it.
    unsafe {
        D::begin();
        let mut from = 0;
        while from < rows {
            let a = a.add(from * lda);
            let ready = D::prepare(a, lda, rows - from, layer.inputs, layer.zero_point, room);
            for first in blocks.clone().step_by(D::BLOCKS) {
                let count = D::BLOCKS.min(blocks.end - first);
                let column = first * 16;
                let shift = D::shift(layer.zero_point) - i32::from(layer.zero_point);
                let sums = &layer.sums[column..column + count * 16];
                for (start, sum) in start.iter_mut().zip(sums) {
                    *start = sum.wrapping_mul(shift);
                }
                for row in (0..ready).step_by(D::ROWS) {
                    let height = D::ROWS.min(ready - row);
                    D::tile(
                        D::input(a, lda, row, room),
                        lda,
                        height,
                        weights.add(first * stride),
                        stride,
                        count,
                        layer.inputs,
                        tile,
                    );
                    for lane in (0..count * 16).step_by(S::LANES) {
                        let scale = S::load(layer.scales.as_ptr().add(column + lane));
                        let bias = S::load(layer.biases.as_ptr().add(column + lane));
                        let start = S::load_int(start.as_ptr().add(lane));
                        for r in 0..height {
                            let sum = S::add_int(S::load_int(tile.add(r * pitch + lane)), start);
                            let value = S::fma(S::to_float(sum), scale, bias);
                            finish.put(value, from + row + r, column + lane);
                        }
                    }
                }
            }
            from += ready;
        }
        D::end();
    }
}
