//! Two layers with GELU between them, whose hidden activations exist for one tile of rows at a
//! time.

use super::arena::Scratch;
use super::finish::Target;
use super::gelu::Gelu;
use super::linear::Linear;
use super::machine::{Machine, share_columns};
use super::shared_slice::SharedSlice;

/// Two layers with GELU between them.
#[derive(Clone, Copy, Debug)]
pub struct Mlp<'a> {
    /// The layer before GELU.
    pub first: Linear<'a>,
    /// GELU, into the second layer's input.
    pub gelu: Gelu,
    /// The layer after it.
    pub second: Linear<'a>,
}

impl Machine {
    /// `x += second(gelu(first(a)))` over `rows` rows, where `a` is the scratch's activations.
    pub fn mlp(&mut self, rows: usize, mlp: &Mlp, scratch: &mut Scratch, x: &mut [f32]) {
        let (tile, columns) = self
            .sizing
            .tiling(mlp.first.shape(), mlp.second.shape(), rows);
        if columns {
            self.mlp_columns(rows, tile, mlp, scratch, x);
        } else {
            self.mlp_rows(rows, tile, mlp, scratch, x);
        }
    }

    fn check_mlp(&self, rows: usize, mlp: &Mlp, scratch: &Scratch, x: &[f32]) {
        let (first, second) = (&mlp.first, &mlp.second);
        first.check();
        second.check();
        assert!(scratch.activations.len() >= first.shape().input_bytes(rows));
        assert!(x.len() == rows * second.columns() && first.columns() <= second.row_bytes());
        let hidden = self
            .sizing
            .hidden_bytes(first.shape(), second.shape(), rows);
        assert!(scratch.hidden.len() >= hidden);
    }

    /// The MLP with tiles of rows shared by the threads.
    fn mlp_rows(
        &mut self,
        rows: usize,
        tile: usize,
        mlp: &Mlp,
        scratch: &mut Scratch,
        x: &mut [f32],
    ) {
        self.check_mlp(rows, mlp, scratch, x);
        let Mlp {
            first,
            gelu,
            second,
        } = mlp;
        let prepared = self.thread_scratch(scratch.prepared, &[first, second]);
        let (a, hidden) = (&*scratch.activations, SharedSlice::of(scratch.hidden));
        let (kernels, x) = (&*self.kernels, SharedSlice::of(x));
        let (lda, pitch, channels) = (first.row_bytes(), second.row_bytes(), second.columns());
        self.pool.run(rows.div_ceil(tile), &|task, worker| {
            let (row, height) = (task * tile, tile.min(rows - task * tile));
            let own = hidden.at(worker * tile.next_multiple_of(16) * pitch);
            // SAFETY: sizes are checked above; each worker has its own hidden rows and each task
            // its own rows of `x`.
            unsafe {
                let target = Target::Gelu {
                    out: own,
                    pitch,
                    gelu: *gelu,
                };
                let (a, blocks) = (a.as_ptr().add(row * lda), 0..first.columns() / 16);
                kernels.linear(a, lda, height, first, blocks, target, prepared(worker));
                let out = x.at(row * channels);
                let target = Target::Add {
                    out,
                    pitch: channels,
                };
                let blocks = 0..channels / 16;
                kernels.linear(own, pitch, height, second, blocks, target, prepared(worker));
            }
        });
    }

    /// The MLP one tile of rows after the other, with columns shared by the threads.
    fn mlp_columns(
        &mut self,
        rows: usize,
        tile: usize,
        mlp: &Mlp,
        scratch: &mut Scratch,
        x: &mut [f32],
    ) {
        self.check_mlp(rows, mlp, scratch, x);
        let Mlp {
            first,
            gelu,
            second,
        } = mlp;
        let prepared = self.thread_scratch(scratch.prepared, &[first, second]);
        let (a, hidden) = (&*scratch.activations, SharedSlice::of(scratch.hidden));
        let (kernels, x) = (&*self.kernels, SharedSlice::of(x));
        let (lda, pitch, channels) = (first.row_bytes(), second.row_bytes(), second.columns());
        for row in (0..rows).step_by(tile) {
            let height = tile.min(rows - row);
            share_columns(&mut self.pool, first.columns() / 16, &|blocks, worker| {
                // SAFETY: checked above; each task writes its own columns of the hidden rows.
                unsafe {
                    let (a, out) = (a.as_ptr().add(row * lda), hidden.at(0));
                    let target = Target::Gelu {
                        out,
                        pitch,
                        gelu: *gelu,
                    };
                    kernels.linear(a, lda, height, first, blocks, target, prepared(worker));
                }
            });
            share_columns(&mut self.pool, channels / 16, &|blocks, worker| {
                // SAFETY: checked above; each task writes its own columns of `x`.
                unsafe {
                    let (a, out) = (hidden.at(0), x.at(row * channels));
                    let target = Target::Add {
                        out,
                        pitch: channels,
                    };
                    kernels.linear(a, pitch, height, second, blocks, target, prepared(worker));
                }
            });
        }
    }
}
