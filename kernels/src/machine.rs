//! The safe interface of the kernels: it checks sizes, cuts work into tasks and shares them out to
//! the threads.

use std::ops::Range;

use super::arena::Scratch;
use super::depthwise::Depthwise;
use super::dispatch::Kernels;
use super::finish::Target;
use super::linear::Linear;
use super::map::FeatureMap;
use super::norm::Norm;
use super::pool::{Pool, Spawn};
use super::set::{KernelSet, SetupError};
use super::shared_slice::SharedSlice;
use super::simd::ThreadScratch;
use super::sizing::Sizing;
use super::stem::{SIDE, Stem};

/// Blocks of 16 columns in the smallest task: whole tiles for every kernel.
const BLOCKS: usize = 6;

/// Kernels and the threads that run them.
pub struct Machine {
    set: KernelSet,
    pub(super) kernels: Box<dyn Kernels>,
    pub(super) pool: Pool,
    pub(super) sizing: Sizing,
}

impl std::fmt::Debug for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Machine({} x{})", self.set, self.threads())
    }
}

impl Machine {
    /// Kernels on `threads` threads, at least one: the caller's, and others that `spawn` starts.
    ///
    /// # Errors
    /// [`SetupError`] when this processor lacks the instruction sets or a thread cannot be started.
    pub fn new(set: KernelSet, threads: usize, spawn: Spawn) -> Result<Self, SetupError> {
        let kernels = set.detect().ok_or(SetupError::Processor(set))?;
        let pool = Pool::new(threads.max(1), spawn)
            .map_err(|cause| SetupError::Threads { threads, cause })?;
        Ok(Self {
            sizing: set.sizing(pool.threads())?,
            set,
            kernels,
            pool,
        })
    }

    /// The set of kernels.
    pub fn set(&self) -> KernelSet {
        self.set
    }

    /// What the size of its scratch depends on.
    pub fn sizing(&self) -> Sizing {
        self.sizing
    }

    /// Threads, the caller's among them.
    pub fn threads(&self) -> usize {
        self.pool.threads()
    }

    /// The first convolution of three planes of `height` by `width`, and its LayerNorm, into `out`.
    pub fn stem(
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
        assert!(out.len() == map.floats());
        let (kernels, out) = (&*self.kernels, SharedSlice::of(out));
        let line = map.width * map.channels;
        self.pool.run(map.height, &|y, _| {
            // SAFETY: each task has its own row.
            let row = unsafe { out.part(y * line..(y + 1) * line) };
            kernels.stem(x, height, width, y, stem, row);
            for pixel in row.chunks_exact_mut(map.channels) {
                kernels.norm_floats(pixel, norm);
            }
        });
    }

    /// The depthwise convolution of `x` and LayerNorm, quantised as the input of `layer`, into the
    /// scratch's activations.
    pub fn depthwise(
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
        assert!(rows.len() >= self.sizing.depthwise_rows(map) && map.channels <= layer.row_bytes());
        assert!(out.len() >= layer.shape().input_bytes(map.pixels()));
        let (kernels, out, rows) = (&*self.kernels, SharedSlice::of(out), SharedSlice::of(rows));
        let (line, pitch) = (map.width * map.channels, layer.row_bytes());
        self.pool.run(map.height, &|y, worker| {
            // SAFETY: each worker has its own row of floats, and each task its own rows of bytes.
            let (row, bytes) = unsafe {
                let (first, last) = (y * map.width, (y + 1) * map.width);
                (
                    rows.part(worker * line..(worker + 1) * line),
                    out.part(first * pitch..last * pitch),
                )
            };
            kernels.depthwise(x, map, y, dw, row);
            let pixels = row.chunks_exact(map.channels);
            for (pixel, bytes) in pixels.zip(bytes.chunks_exact_mut(pitch)) {
                kernels.norm_bytes(pixel, norm, bytes);
            }
        });
    }

    /// Each worker's part of `prepared`, which is large enough for these layers.
    pub(super) fn thread_scratch<'a>(
        &self,
        prepared: &'a mut [u8],
        layers: &[&Linear],
    ) -> impl Fn(usize) -> ThreadScratch + Sync + use<'a> {
        let fits = |l: &&Linear| prepared.len() >= self.sizing.prepared_bytes(l.shape());
        assert!(layers.iter().all(fits));
        let bytes = prepared.len() / self.threads() / 64 * 64;
        let all = SharedSlice::of(prepared);
        move |worker| ThreadScratch {
            at: all.at(worker * bytes),
            bytes,
        }
    }

    /// LayerNorm of each pixel of `x`, quantised, into rows of squares of 2x2 pixels: the input of
    /// `layer`.
    ///
    /// A last odd row or column is left out. A square's pixels follow each other row by row.
    pub fn norm_squares(
        &mut self,
        x: &[f32],
        map: FeatureMap,
        norm: &Norm,
        layer: &Linear,
        out: &mut [u8],
    ) {
        let (high, wide) = (map.height / 2, map.width / 2);
        assert!(x.len() == map.floats() && layer.inputs == 4 * map.channels);
        assert!(out.len() >= layer.shape().input_bytes(high * wide));
        let (kernels, out, pitch) = (&*self.kernels, SharedSlice::of(out), layer.row_bytes());
        self.pool.run(high, &|square, _| {
            // SAFETY: each task has its own rows of squares.
            let squares = unsafe { out.part(square * wide * pitch..(square + 1) * wide * pitch) };
            for y in [2 * square, 2 * square + 1] {
                let row = &x[y * map.width * map.channels..];
                for (column, pixel) in row.chunks_exact(map.channels).take(2 * wide).enumerate() {
                    let place = (y % 2 * 2 + column % 2) * map.channels;
                    let to = &mut squares[column / 2 * pitch + place..];
                    kernels.norm_bytes(pixel, norm, to);
                }
            }
        });
    }

    /// `out = layer(a)` over `rows` rows; `out` has as many columns as the layer.
    pub fn linear(
        &mut self,
        a: &[u8],
        rows: usize,
        layer: &Linear,
        prepared: &mut [u8],
        out: &mut [f32],
    ) {
        layer.check();
        let pitch = layer.columns();
        assert!(a.len() >= layer.shape().input_bytes(rows) && out.len() == rows * pitch);
        let scratch = self.thread_scratch(prepared, &[layer]);
        let (kernels, out) = (&*self.kernels, SharedSlice::of(out));
        share_columns(&mut self.pool, pitch / 16, &|blocks, worker| {
            let target = Target::Store {
                out: out.at(0),
                pitch,
            };
            let (a, lda) = (a.as_ptr(), layer.row_bytes());
            // SAFETY: sizes are checked above; each task writes its own columns.
            unsafe { kernels.linear(a, lda, rows, layer, blocks, target, scratch(worker)) }
        });
    }

    /// The mean over all pixels of `x`, into the pixel `out`.
    pub fn mean(&self, x: &[f32], map: FeatureMap, out: &mut [f32]) {
        assert!(x.len() == map.floats() && out.len() == map.channels);
        self.kernels.mean(x, out);
    }

    /// LayerNorm of one pixel, in place.
    pub fn norm_floats(&self, pixel: &mut [f32], norm: &Norm) {
        self.kernels.norm_floats(pixel, norm);
    }

    /// LayerNorm of one pixel, quantised as the input of `layer`, into `out`.
    pub fn norm_bytes(&self, pixel: &[f32], norm: &Norm, layer: &Linear, out: &mut [u8]) {
        assert!(pixel.len() <= layer.row_bytes() && out.len() >= layer.shape().input_bytes(1));
        self.kernels.norm_bytes(pixel, norm, out);
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
