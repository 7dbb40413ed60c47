//! u8 activations times s8 weights, and what becomes of the sums: floats, a residual, or GELU and
//! bytes again.

use std::mem::MaybeUninit;
use std::ops::Range;

use super::simd::{Dot, Simd, ThreadScratch};

/// The most sums that one tile of any kernel has.
const TILE: usize = 32 * 32;

/// A quantised linear layer: `y[n] = scale[n] * sum_k (x[k] - zero_point) * w[k, n] + bias[n]`.
///
/// Weights lie in blocks of 16 columns. A block holds its inputs in fours: for each four, 16
/// columns of 4 bytes. Inputs are filled with zero weights to a multiple of 64, columns to a
/// multiple of 16.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Linear<'a> {
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
    pub(crate) fn columns(&self) -> usize {
        self.sums.len()
    }

    /// Bytes between the rows of an input, so that every kernel may read whole tiles.
    pub(crate) fn row_bytes(&self) -> usize {
        self.inputs.next_multiple_of(64)
    }

    /// Where the weight of input `k` and column `n` stands, for rows of `row_bytes`.
    pub(crate) fn place(row_bytes: usize, k: usize, n: usize) -> usize {
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
pub(crate) struct Gelu {
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
    pub(crate) fn new(scale: f32, zero_point: u8) -> Self {
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

/// The last step on the floats of a layer: where they go, and in what form.
trait Finish<S: Simd>: Copy {
    /// # Safety
    /// `at` lies within the target and leaves room for `S::LANES` elements.
    unsafe fn put(&self, s: S, v: S::Floats, row: usize, column: usize);
}

#[derive(Clone, Copy)]
struct Store(*mut f32, usize);

impl<S: Simd> Finish<S> for Store {
    #[inline(always)]
    unsafe fn put(&self, s: S, v: S::Floats, row: usize, column: usize) {
        // SAFETY: the caller promises the room.
        unsafe { s.store(self.0.add(row * self.1 + column), v) }
    }
}

#[derive(Clone, Copy)]
struct Add(*mut f32, usize);

impl<S: Simd> Finish<S> for Add {
    #[inline(always)]
    unsafe fn put(&self, s: S, v: S::Floats, row: usize, column: usize) {
        // SAFETY: the caller promises the place, and that floats stand there.
        unsafe {
            let at = self.0.add(row * self.1 + column);
            s.store(at, s.add(s.load(at), v));
        }
    }
}

#[derive(Clone, Copy)]
struct GeluBytes<S: Simd> {
    out: *mut u8,
    pitch: usize,
    half: S::Floats,
    polynomial: [S::Floats; 9],
    zero_point: S::Floats,
    limit: S::Floats,
    minus_limit: S::Floats,
}

impl<S: Simd> Finish<S> for GeluBytes<S> {
    #[inline(always)]
    unsafe fn put(&self, s: S, v: S::Floats, row: usize, column: usize) {
        let c = s.max(s.min(v, self.limit), self.minus_limit);
        let square = s.mul(c, c);
        let mut p = self.polynomial[8];
        for i in (0..8).rev() {
            p = s.fma(p, square, self.polynomial[i]);
        }
        let scaled = s.fma(v, s.fma(c, p, self.half), self.zero_point);
        // SAFETY: the caller promises the room.
        unsafe { s.store_bytes(self.out.add(row * self.pitch + column), scaled) }
    }
}

impl Gelu {
    /// GELU with its constants repeated over vectors, into rows of `out`.
    #[inline(always)]
    fn finish<S: Simd>(self, s: S, out: *mut u8, pitch: usize) -> GeluBytes<S> {
        let p = self.polynomial;
        GeluBytes {
            out,
            pitch,
            half: s.splat(self.half),
            // Written out: `map` with a closure is a call where it is not inlined.
            polynomial: [
                s.splat(p[0]),
                s.splat(p[1]),
                s.splat(p[2]),
                s.splat(p[3]),
                s.splat(p[4]),
                s.splat(p[5]),
                s.splat(p[6]),
                s.splat(p[7]),
                s.splat(p[8]),
            ],
            zero_point: s.splat(self.zero_point),
            limit: s.splat(Self::LIMIT),
            minus_limit: s.splat(-Self::LIMIT),
        }
    }
}

/// Rows `0..rows` of `a` times the blocks of 16 columns `blocks` of `layer`, into `target`.
///
/// # Safety
/// `a` has `rows` rows `lda` bytes apart and can be read to the next multiple of 16 rows;
/// `layer.check()` holds; `target` has `rows` rows with all columns of `blocks`; `scratch` has
/// `D::scratch_bytes` of the layer's inputs.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
pub(super) unsafe fn linear<D: Dot>(
    dot: D,
    a: *const u8,
    lda: usize,
    rows: usize,
    layer: &Linear,
    blocks: Range<usize>,
    target: Target,
    scratch: ThreadScratch,
) {
    // SAFETY: the caller's promises are passed on.
    unsafe {
        match target {
            Target::Store { out, pitch } => {
                let finish = Store(out, pitch);
                run(dot, a, lda, rows, layer, blocks, finish, scratch);
            }
            Target::Add { out, pitch } => {
                let finish = Add(out, pitch);
                run(dot, a, lda, rows, layer, blocks, finish, scratch);
            }
            Target::Gelu { out, pitch, gelu } => {
                let finish = gelu.finish(dot.vectors(), out, pitch);
                run(dot, a, lda, rows, layer, blocks, finish, scratch);
            }
        }
    }
}

/// [`linear`], with the last step known.
///
/// # Safety
/// As for [`linear`], of the target that `finish` writes to.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn run<D: Dot, F: Finish<D::Vectors>>(
    dot: D,
    a: *const u8,
    lda: usize,
    rows: usize,
    layer: &Linear,
    blocks: Range<usize>,
    finish: F,
    scratch: ThreadScratch,
) {
    let stride = layer.block_bytes();
    let weights = layer.weights.as_ptr();
    let mut tile = MaybeUninit::<[i32; TILE]>::uninit();
    let tile = tile.as_mut_ptr().cast::<i32>();
    // The sums start from what makes the zero point and the shift cancel.
    let mut starts = [0_i32; 16 * 4];
    let shift = D::shift(layer.zero_point) - i32::from(layer.zero_point);
    dot.begin();
    let mut from = 0;
    while from < rows {
        // SAFETY: `from` is below the number of rows, all of which the caller promises.
        let (a, ready) = unsafe {
            let a = a.add(from * lda);
            let left = rows - from;
            (
                a,
                dot.prepare(a, lda, left, layer.inputs, layer.zero_point, scratch),
            )
        };
        for first in blocks.clone().step_by(D::BLOCKS) {
            let count = D::BLOCKS.min(blocks.end - first);
            let columns = first * 16..(first + count) * 16;
            for (start, sum) in starts.iter_mut().zip(&layer.sums[columns.clone()]) {
                *start = sum.wrapping_mul(shift);
            }
            for row in (0..ready).step_by(D::ROWS) {
                let height = D::ROWS.min(ready - row);
                let rows = from + row..from + row + height;
                // SAFETY: these rows are prepared, the layer has these blocks, and no kernel's tile
                // is larger than `TILE`.
                unsafe {
                    let a = dot.input(a, lda, row, scratch);
                    let b = weights.add(first * stride);
                    dot.tile(a, lda, height, b, stride, count, layer.inputs, tile);
                    put_tile(dot, tile, &starts, layer, rows, columns.clone(), finish);
                }
            }
        }
        from += ready;
    }
    dot.end();
}

/// Turns a tile's sums into floats and passes them to `finish`.
///
/// # Safety
/// `sums` has these rows, `16 * D::BLOCKS` apart, of these columns, which the layer and the target
/// of `finish` have, too.
#[inline(always)]
unsafe fn put_tile<D: Dot, F: Finish<D::Vectors>>(
    dot: D,
    sums: *const i32,
    starts: &[i32; 16 * 4],
    layer: &Linear,
    rows: Range<usize>,
    columns: Range<usize>,
    finish: F,
) {
    let s = dot.vectors();
    let (column, pitch) = (columns.start, 16 * D::BLOCKS);
    for lane in (0..columns.len()).step_by(D::Vectors::LANES) {
        // SAFETY: vectors lie within the columns and rows that the caller promises.
        unsafe {
            let scale = s.load(layer.scales.as_ptr().add(column + lane));
            let bias = s.load(layer.biases.as_ptr().add(column + lane));
            let start = s.load_integers(starts.as_ptr().add(lane));
            for r in 0..rows.len() {
                let sum = s.load_integers(sums.add(r * pitch + lane));
                let value = s.fma(s.to_floats(s.add_integers(sum, start)), scale, bias);
                finish.put(s, value, rows.start + r, column + lane);
            }
        }
    }
}
