//! The scratch that layers need, computed from their shapes alone: before weights are mapped and
//! before a thread starts.

use super::arena::Sizes;
use super::linear::LayerShape;
use super::map::FeatureMap;

/// Bytes of hidden activations that one thread works on at a time. They stay in its L2 cache beside
/// a panel of weights.
const HIDDEN: usize = 96 << 10;

/// Bytes of an MLP's weights above which threads share its columns instead of its rows, so each
/// thread reads only its own weights.
const SHARED_WEIGHTS: usize = 512 << 10;

/// What the size of scratch depends on, beside the layers: the kernels, and the number of threads.
///
/// Products with the number of threads saturate, so that a need which no processor can count is
/// refused like any other that is too large.
#[derive(Clone, Copy, Debug)]
pub struct Sizing {
    /// Threads, at least one.
    pub(super) threads: usize,
    /// Bytes that a thread needs to prepare activations of so many inputs.
    pub(super) scratch: fn(usize) -> usize,
}

impl Sizing {
    /// Threads, the caller's among them.
    pub fn threads(self) -> usize {
        self.threads
    }

    /// Floats of rows that [`Machine::depthwise`](super::Machine::depthwise) needs.
    pub(super) fn depthwise_rows(self, map: FeatureMap) -> usize {
        self.threads.saturating_mul(map.width * map.channels)
    }

    /// Bytes that the threads need to prepare activations of this layer.
    pub(super) fn prepared_bytes(self, layer: LayerShape) -> usize {
        self.threads.saturating_mul((self.scratch)(layer.inputs))
    }

    /// Rows of an MLP's tile, and whether threads share its columns.
    pub(super) fn tiling(
        self,
        first: LayerShape,
        second: LayerShape,
        rows: usize,
    ) -> (usize, bool) {
        let fitting = (HIDDEN / second.row_bytes() / 32 * 32).max(32);
        let columns =
            self.threads > 1 && first.weight_bytes() + second.weight_bytes() > SHARED_WEIGHTS;
        let share = if columns {
            rows
        } else {
            rows.div_ceil(self.threads).next_multiple_of(32)
        };
        (fitting.min(share).min(rows.next_multiple_of(16)), columns)
    }

    /// Bytes of hidden activations that [`Machine::mlp`](super::Machine::mlp) needs.
    pub(super) fn hidden_bytes(self, first: LayerShape, second: LayerShape, rows: usize) -> usize {
        let (tile, columns) = self.tiling(first, second, rows);
        let one = second.input_bytes(tile);
        one.saturating_mul(if columns { 1 } else { self.threads })
    }

    /// Scratch for a block of this map with these layers.
    pub fn block(self, map: FeatureMap, first: LayerShape, second: LayerShape) -> Sizes {
        Sizes {
            rows: self.depthwise_rows(map),
            activations: first.input_bytes(map.pixels()),
            hidden: self.hidden_bytes(first, second, map.pixels()),
            prepared: self.prepared_bytes(first).max(self.prepared_bytes(second)),
        }
    }

    /// Scratch for a layer over `rows` rows.
    pub fn layer(self, layer: LayerShape, rows: usize) -> Sizes {
        Sizes {
            rows: 0,
            activations: layer.input_bytes(rows),
            hidden: 0,
            prepared: self.prepared_bytes(layer),
        }
    }
}
