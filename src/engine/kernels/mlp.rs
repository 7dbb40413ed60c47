//! Two layers with GELU between them, whose hidden activations exist for one tile of rows at a
//! time.

use super::arena::Scratch;
use super::linear::{Gelu, Linear, Target};
use super::machine::{Machine, input_bytes, share_columns};
use super::shared_slice::SharedSlice;

/// Bytes of hidden activations that one thread works on at a time, so that they stay in its L2
/// cache beside a panel of weights.
const HIDDEN: usize = 96 << 10;

/// Weights of an MLP above which threads share its columns and not its rows, so that each reads
/// only its own part.
const SHARED_WEIGHTS: usize = 512 << 10;

/// Two layers with GELU between them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mlp<'a> {
    /// The layer before GELU.
    pub first: Linear<'a>,
    /// GELU, into the second layer's input.
    pub gelu: Gelu,
    /// The layer after it.
    pub second: Linear<'a>,
}

impl Machine {
    /// Rows of an MLP's tile, and whether threads share its columns.
    fn tiling(&self, first: &Linear, second: &Linear, rows: usize) -> (usize, bool) {
        let fitting = (HIDDEN / second.row_bytes() / 32 * 32).max(32);
        let columns =
            self.threads() > 1 && first.weights.len() + second.weights.len() > SHARED_WEIGHTS;
        let share = if columns {
            rows
        } else {
            rows.div_ceil(self.threads()).next_multiple_of(32)
        };
        (fitting.min(share).min(rows.next_multiple_of(16)), columns)
    }

    /// Bytes of hidden activations that [`Machine::mlp`] needs.
    pub(crate) fn hidden_bytes(&self, first: &Linear, second: &Linear, rows: usize) -> usize {
        let (tile, columns) = self.tiling(first, second, rows);
        input_bytes(second, tile) * if columns { 1 } else { self.threads() }
    }

    /// `x += second(gelu(first(a)))` over `rows` rows, `a` the scratch's activations; the hidden
    /// activations exist for one tile of rows at a time.
    pub(crate) fn mlp(&mut self, rows: usize, mlp: &Mlp, scratch: &mut Scratch, x: &mut [f32]) {
        let Mlp {
            first,
            gelu,
            second,
        } = mlp;
        let Scratch {
            activations: a,
            hidden,
            prepared,
            ..
        } = scratch;
        let (gelu, channels) = (*gelu, second.columns());
        first.check();
        second.check();
        assert!(a.len() >= input_bytes(first, rows) && x.len() == rows * channels);
        assert!(first.columns() <= second.row_bytes());
        assert!(hidden.len() >= self.hidden_bytes(first, second, rows));
        let (tile, columns) = self.tiling(first, second, rows);
        let scratch = self.thread_scratch(prepared, &[first, second]);
        let (kernels, x, hidden) = (&*self.kernels, SharedSlice::of(x), SharedSlice::of(hidden));
        let (lda, pitch) = (first.row_bytes(), second.row_bytes());
        let gelu = |out| Target::Gelu { out, pitch, gelu };
        let add = |out| Target::Add {
            out,
            pitch: channels,
        };
        let (hidden_blocks, out_blocks) = (first.columns() / 16, channels / 16);
        if !columns {
            self.pool.run(rows.div_ceil(tile), &|task, worker| {
                let (row, height) = (task * tile, tile.min(rows - task * tile));
                // SAFETY: checked above; each worker has its own hidden rows and each task its own
                // rows of `x`.
                unsafe {
                    let a = a.as_ptr().add(row * lda);
                    let own = hidden.at(worker * tile.next_multiple_of(16) * pitch);
                    let to = gelu(own);
                    kernels.linear(a, lda, height, first, 0..hidden_blocks, to, scratch(worker));
                    let to = add(x.at(row * channels));
                    kernels.linear(
                        own,
                        pitch,
                        height,
                        second,
                        0..out_blocks,
                        to,
                        scratch(worker),
                    );
                }
            });
            return;
        }
        for row in (0..rows).step_by(tile) {
            let height = tile.min(rows - row);
            share_columns(&mut self.pool, hidden_blocks, &|blocks, worker| {
                // SAFETY: checked above; each task writes its own columns of the hidden rows.
                unsafe {
                    let (a, to) = (a.as_ptr().add(row * lda), gelu(hidden.at(0)));
                    kernels.linear(a, lda, height, first, blocks, to, scratch(worker));
                }
            });
            share_columns(&mut self.pool, out_blocks, &|blocks, worker| {
                // SAFETY: checked above; each task writes its own columns of `x`.
                unsafe {
                    let (hidden, to) = (hidden.at(0), add(x.at(row * channels)));
                    kernels.linear(hidden, pitch, height, second, blocks, to, scratch(worker));
                }
            });
        }
    }
}
