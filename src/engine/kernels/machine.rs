//! The safe interface of the kernels: it checks sizes, cuts work into tasks and shares them out to
//! the threads.

use std::ops::Range;

use super::arena::{Scratch, Sizes};
use super::depthwise::Depthwise;
use super::dispatch::Kernels;
use super::finish::Target;
use super::linear::Linear;
use super::map::FeatureMap;
use super::norm::Norm;
use super::pool::Pool;
use super::set::{KernelSet, SetupError};
use super::shared_slice::SharedSlice;
use super::simd::ThreadScratch;
use super::stem::{COLOURS, SIDE, Stem};

/// Blocks of 16 columns in the smallest task: whole tiles for every kernel.
const BLOCKS: usize = 6;

/// Kernels and the threads that run them.
pub(crate) struct Machine {
    set: KernelSet,
    pub(super) kernels: Box<dyn Kernels>,
    pub(super) pool: Pool,
}

impl std::fmt::Debug for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Machine({} x{})", self.set, self.threads())
    }
}

/// Bytes of `rows` rows of a layer's input, filled so that a kernel may read whole tiles.
pub(super) fn input_bytes(layer: &Linear, rows: usize) -> usize {
    rows.next_multiple_of(16) * layer.row_bytes()
}

impl Machine {
    /// Kernels on `threads` threads, at least one.
    ///
    /// # Errors
    /// [`SetupError`] when this processor lacks the instruction sets or a thread cannot be started.
    pub(crate) fn new(set: KernelSet, threads: usize) -> Result<Self, SetupError> {
        let kernels = set.detect().ok_or(SetupError::Processor(set))?;
        let pool =
            Pool::new(threads.max(1)).map_err(|cause| SetupError::Threads { threads, cause })?;
        Ok(Self { set, kernels, pool })
    }

    /// The set of kernels.
    pub(crate) fn set(&self) -> KernelSet {
        self.set
    }

    /// Threads, the caller's among them.
    pub(crate) fn threads(&self) -> usize {
        self.pool.threads()
    }

    /// The first convolution of three planes of `height` by `width`, and its LayerNorm, into `out`.
    pub(crate) fn stem(
        &mut self,
        x: &[f32],
        height: usize,
        width: usize,
        stem: &Stem,
        norm: &Norm,
        out: &mut [f32],
    ) {
        let map = FeatureMap {
            height: height / SIDE,
            width: width / SIDE,
            channels: stem.bias.len(),
        };
        stem.check();
        assert_eq!(x.len(), COLOURS * height * width);
        assert!(out.len() == map.floats() && check_norm(norm, map.channels));
        let (kernels, out) = (&*self.kernels, SharedSlice::of(out));
        self.pool.run(map.height, &|y, _| {
            let line = map.width * map.channels;
            // SAFETY: checked above; each task writes its own row, and `norm` reads a pixel before
            // it writes it.
            unsafe {
                let row = out.at(y * line);
                kernels.stem(x.as_ptr(), height, width, y, stem, row);
                for pixel in 0..map.width {
                    let at = row.add(pixel * map.channels);
                    kernels.norm_floats(at, norm, at);
                }
            }
        });
    }

    /// Floats of rows that [`Machine::depthwise`] needs.
    pub(crate) fn depthwise_rows(&self, map: FeatureMap) -> usize {
        self.threads() * map.width * map.channels
    }

    /// The depthwise convolution of `x` and LayerNorm, quantised as the input of `layer`, into the
    /// scratch's activations.
    pub(crate) fn depthwise(
        &mut self,
        x: &[f32],
        map: FeatureMap,
        dw: &Depthwise,
        norm: &Norm,
        layer: &Linear,
        scratch: &mut Scratch,
    ) {
        let Scratch {
            rows,
            activations: out,
            ..
        } = scratch;
        dw.check();
        assert!(dw.bias.len() == map.channels && check_norm(norm, map.channels));
        assert!(x.len() == map.floats() && rows.len() >= self.depthwise_rows(map));
        assert!(out.len() >= input_bytes(layer, map.pixels()) && map.channels <= layer.row_bytes());
        let (kernels, out, rows) = (&*self.kernels, SharedSlice::of(out), SharedSlice::of(rows));
        let (line, pitch) = (map.width * map.channels, layer.row_bytes());
        self.pool.run(map.height, &|y, worker| {
            // SAFETY: checked above; each worker has its own row of floats and each task its own
            // rows of bytes.
            unsafe {
                let row = rows.at(worker * line);
                kernels.depthwise(x.as_ptr(), map.height, map.width, y, dw, row);
                for pixel in 0..map.width {
                    let to = out.at((y * map.width + pixel) * pitch);
                    kernels.norm_bytes(row.add(pixel * map.channels), norm, to);
                }
            }
        });
    }

    /// Bytes that the threads need to prepare activations of this layer.
    pub(crate) fn prepared_bytes(&self, layer: &Linear) -> usize {
        self.threads() * self.kernels.scratch_bytes(layer.inputs)
    }

    /// Each worker's part of `prepared`, which is large enough for these layers.
    pub(super) fn thread_scratch(
        &self,
        prepared: &mut [u8],
        layers: &[&Linear],
    ) -> impl Fn(usize) -> ThreadScratch + Sync + use<> {
        let fits = |l: &&Linear| prepared.len() >= self.prepared_bytes(l);
        assert!(layers.iter().all(fits));
        let bytes = prepared.len() / self.threads() / 64 * 64;
        let all = SharedSlice::of(prepared);
        move |worker| ThreadScratch {
            // SAFETY: the slice has a part for each worker.
            at: unsafe { all.at(worker * bytes) },
            bytes,
        }
    }

    /// LayerNorm of each pixel of `x`, quantised, into rows of squares of 2x2 pixels: the input of
    /// `layer`.
    ///
    /// A last odd row or column is left out. A square's pixels follow each other row by row.
    pub(crate) fn norm_squares(
        &mut self,
        x: &[f32],
        map: FeatureMap,
        norm: &Norm,
        layer: &Linear,
        out: &mut [u8],
    ) {
        let (high, wide) = (map.height / 2, map.width / 2);
        assert!(x.len() == map.floats() && check_norm(norm, map.channels));
        assert!(layer.inputs == 4 * map.channels && out.len() >= input_bytes(layer, high * wide));
        let (kernels, out, pitch) = (&*self.kernels, SharedSlice::of(out), layer.row_bytes());
        self.pool.run(high, &|square, _| {
            for y in [2 * square, 2 * square + 1] {
                for column in 0..2 * wide {
                    // SAFETY: checked above; each task writes its own rows of squares.
                    unsafe {
                        let from = x.as_ptr().add((y * map.width + column) * map.channels);
                        let place = (y % 2 * 2 + column % 2) * map.channels;
                        kernels.norm_bytes(
                            from,
                            norm,
                            out.at((square * wide + column / 2) * pitch + place),
                        );
                    }
                }
            }
        });
    }

    /// `out = layer(a)` over `rows` rows; `out` has as many columns as the layer.
    pub(crate) fn linear(
        &mut self,
        a: &[u8],
        rows: usize,
        layer: &Linear,
        prepared: &mut [u8],
        out: &mut [f32],
    ) {
        layer.check();
        let pitch = layer.columns();
        assert!(a.len() >= input_bytes(layer, rows) && out.len() == rows * pitch);
        let scratch = self.thread_scratch(prepared, &[layer]);
        let (kernels, out) = (&*self.kernels, SharedSlice::of(out));
        share_columns(&mut self.pool, pitch / 16, &|blocks, worker| {
            // SAFETY: checked above; each task writes its own columns.
            unsafe {
                let target = Target::Store {
                    out: out.at(0),
                    pitch,
                };
                let (a, lda) = (a.as_ptr(), layer.row_bytes());
                kernels.linear(a, lda, rows, layer, blocks, target, scratch(worker));
            }
        });
    }

    /// The mean over all pixels of `x` and its LayerNorm, quantised as the input of `layer`, into
    /// `out`.
    pub(crate) fn mean_norm(
        &mut self,
        x: &[f32],
        map: FeatureMap,
        norm: &Norm,
        layer: &Linear,
        rows: &mut [f32],
        out: &mut [u8],
    ) {
        assert!(
            x.len() == map.floats() && rows.len() >= map.channels && check_norm(norm, map.channels)
        );
        assert!(out.len() >= input_bytes(layer, 1) && map.channels <= layer.row_bytes());
        // SAFETY: checked above.
        unsafe {
            self.kernels
                .mean(x.as_ptr(), map.pixels(), map.channels, rows.as_mut_ptr());
            self.kernels
                .norm_bytes(rows.as_ptr(), norm, out.as_mut_ptr());
        }
    }

    /// Scratch for a block of this map with these layers.
    pub(crate) fn block_sizes(&self, map: FeatureMap, first: &Linear, second: &Linear) -> Sizes {
        Sizes {
            rows: self.depthwise_rows(map),
            activations: input_bytes(first, map.pixels()),
            hidden: self.hidden_bytes(first, second, map.pixels()),
            prepared: self.prepared_bytes(first).max(self.prepared_bytes(second)),
        }
    }

    /// Scratch for a layer over `rows` rows.
    pub(crate) fn layer_sizes(&self, layer: &Linear, rows: usize) -> Sizes {
        Sizes {
            rows: layer.inputs,
            activations: input_bytes(layer, rows),
            hidden: 0,
            prepared: self.prepared_bytes(layer),
        }
    }
}

/// Shares `blocks` blocks of columns out to the threads.
pub(super) fn share_columns(
    pool: &mut Pool,
    blocks: usize,
    job: &(dyn Fn(Range<usize>, usize) + Sync),
) {
    let size = blocks.div_ceil(2 * pool.threads()).next_multiple_of(BLOCKS);
    pool.run(blocks.div_ceil(size), &|task, worker| {
        job(task * size..((task + 1) * size).min(blocks), worker)
    });
}

/// Whether `norm` is over `channels` channels, filled.
fn check_norm(norm: &Norm, channels: usize) -> bool {
    norm.gain.len() == channels
        && norm.shift.len() == channels
        && channels.is_multiple_of(16)
        && norm.channels.next_multiple_of(16) == channels
}
