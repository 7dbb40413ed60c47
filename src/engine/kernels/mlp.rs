//! Two layers with GELU between them, whose hidden activations exist for one tile of rows at a
//! time.

use super::arena::Scratch;
use super::linear::Target;
use super::machine::{Machine, input_bytes};
use super::part::Part;
use super::{Gelu, Linear};

/// Bytes of hidden activations that one thread works on at a time, so that they stay in its L2
/// cache beside a panel of weights.
const HIDDEN: usize = 96 << 10;

/// Weights of an MLP above which threads share its columns and not its rows, so that each reads
/// only its own part.
const SHARED_WEIGHTS: usize = 512 << 10;

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
    pub fn hidden_bytes(&self, first: &Linear, second: &Linear, rows: usize) -> usize {
        let (tile, columns) = self.tiling(first, second, rows);
        input_bytes(second, tile) * if columns { 1 } else { self.threads() }
    }

    /// `x += second(gelu(first(a)))` over `rows` rows, `a` the scratch's activations; the hidden
    /// activations exist for one tile of rows at a time.
    pub fn mlp(&mut self, rows: usize, mlp: &Mlp, scratch: &mut Scratch, x: &mut [f32]) {
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
        let (table, x, hidden) = (self.table, Part::of(x), Part::of(hidden));
        let (lda, pitch) = (first.row_bytes(), second.row_bytes());
        let room = self.rooms(prepared, &[first, second]);
        if !columns {
            self.pool.run(rows.div_ceil(tile), &|task, worker| {
                let (row, height) = (task * tile, tile.min(rows - task * tile));
                // SAFETY: checked above; each worker has its own hidden rows and each task its own
                // rows of `x`.
                unsafe {
                    let own = hidden.at(worker * tile.next_multiple_of(16) * pitch);
                    let bytes = Target::Gelu {
                        out: own,
                        pitch,
                        gelu,
                    };
                    (table.linear)(
                        a.as_ptr().add(row * lda),
                        lda,
                        height,
                        first,
                        0..first.columns() / 16,
                        bytes,
                        room(worker),
                    );
                    let sum = Target::Add {
                        out: x.at(row * channels),
                        pitch: channels,
                    };
                    let blocks = 0..channels / 16;
                    (table.linear)(own, pitch, height, second, blocks, sum, room(worker));
                }
            });
            return;
        }
        for row in (0..rows).step_by(tile) {
            let height = tile.min(rows - row);
            self.columns(first.columns() / 16, &|blocks, worker| {
                // SAFETY: checked above; each task writes its own columns of the hidden rows.
                unsafe {
                    let bytes = Target::Gelu {
                        out: hidden.at(0),
                        pitch,
                        gelu,
                    };
                    let a = a.as_ptr().add(row * lda);
                    (table.linear)(a, lda, height, first, blocks, bytes, room(worker));
                }
            });
            self.columns(channels / 16, &|blocks, worker| {
                // SAFETY: checked above; each task writes its own columns of `x`.
                unsafe {
                    let sum = Target::Add {
                        out: x.at(row * channels),
                        pitch: channels,
                    };
                    let hidden = hidden.at(0);
                    (table.linear)(hidden, pitch, height, second, blocks, sum, room(worker));
                }
            });
        }
    }
}
