//! u8 activations times s8 weights, tile by tile.

use std::mem::MaybeUninit;
use std::ops::Range;

use super::finish::{Add, Finish, GeluBytes, Store, Target};
use super::linear::Linear;
use super::simd::{Dot, Simd, ThreadScratch};

/// The most sums that one tile of any kernel has.
const TILE: usize = 32 * 32;

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
                let finish = GeluBytes::new(dot.vectors(), &gelu, out, pitch);
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
    // The value that a sum starts from, so that the zero point and the shift cancel.
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
