//! The safe face of the kernels: sizes are checked, work is cut into tasks and shared by the
//! threads.

use super::arena::{Scratch, Sizes};
use super::linear::Target;
use super::part::Part;
use super::pool::Pool;
use super::simd::Room;
use super::{Depthwise, Kernel, Linear, Norm, Stem, Table};

/// Blocks of 16 columns in the smallest task: whole tiles for every kernel.
const BLOCKS: usize = 6;

/// A feature map: pixels of `channels` floats, filled to a multiple of 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Map {
    /// Rows of pixels.
    pub height: usize,
    /// Pixels in a row.
    pub width: usize,
    /// Channels of a pixel, filled.
    pub channels: usize,
}

impl Map {
    /// Pixels.
    pub fn pixels(self) -> usize {
        self.height * self.width
    }

    /// Floats.
    pub fn floats(self) -> usize {
        self.pixels() * self.channels
    }
}

/// Kernels and the threads that run them.
#[derive(Debug)]
pub struct Machine {
    kernel: Kernel,
    pub(super) table: &'static Table,
    pub(super) pool: Pool,
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Table")
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
    /// A line that says why these kernels or threads cannot be had.
    pub fn new(kernel: Kernel, threads: usize) -> Result<Self, String> {
        let table = kernel.table().filter(|_| kernel.runs_here());
        let table =
            table.ok_or_else(|| format!("{kernel} kernels do not run on this processor"))?;
        let pool = Pool::new(threads.max(1))
            .map_err(|e| format!("cannot start {threads} threads: {e}"))?;
        Ok(Self {
            kernel,
            table,
            pool,
        })
    }

    /// The kernels.
    pub fn kernel(&self) -> Kernel {
        self.kernel
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
        let side = super::stem::SIDE;
        let map = Map {
            height: height / side,
            width: width / side,
            channels: stem.bias.len(),
        };
        stem.check();
        assert_eq!(x.len(), super::stem::COLOURS * height * width);
        assert!(out.len() == map.floats() && check_norm(norm, map.channels));
        let (table, out) = (self.table, Part::of(out));
        self.pool.run(map.height, &|y, _| {
            let line = map.width * map.channels;
            // SAFETY: checked above; each task writes its own row, and `norm` reads a pixel before
            // it writes it.
            unsafe {
                let row = out.at(y * line);
                (table.stem)(x.as_ptr(), height, width, y, stem, row);
                for pixel in 0..map.width {
                    let at = row.add(pixel * map.channels);
                    (table.norm_floats)(at, norm, at);
                }
            }
        });
    }

    /// Floats of rows that [`Machine::depthwise`] needs.
    pub fn depthwise_rows(&self, map: Map) -> usize {
        self.threads() * map.width * map.channels
    }

    /// The depthwise convolution of `x` and LayerNorm, quantised as the input of `layer`, into the
    /// scratch's activations.
    pub fn depthwise(
        &mut self,
        x: &[f32],
        map: Map,
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
        let (table, out, rows) = (self.table, Part::of(out), Part::of(rows));
        let (line, pitch) = (map.width * map.channels, layer.row_bytes());
        self.pool.run(map.height, &|y, worker| {
            // SAFETY: checked above; each worker has its own row of floats and each task its own
            // rows of bytes.
            unsafe {
                let row = rows.at(worker * line);
                (table.depthwise)(x.as_ptr(), map.height, map.width, y, dw, row);
                for pixel in 0..map.width {
                    let to = out.at((y * map.width + pixel) * pitch);
                    (table.norm_bytes)(row.add(pixel * map.channels), norm, to);
                }
            }
        });
    }

    /// Bytes in which the threads prepare activations of this layer.
    pub fn prepared_bytes(&self, layer: &Linear) -> usize {
        self.threads() * (self.table.room)(layer.inputs)
    }

    /// Each worker's part of `prepared`, which is large enough for these layers.
    pub(super) fn rooms(
        &self,
        prepared: &mut [u8],
        layers: &[&Linear],
    ) -> impl Fn(usize) -> Room + Sync + use<> {
        let fits = |l: &&Linear| prepared.len() >= self.prepared_bytes(l);
        assert!(layers.iter().all(fits));
        let bytes = prepared.len() / self.threads() / 64 * 64;
        let part = Part::of(prepared);
        move |worker| Room {
            // SAFETY: there are as many parts as threads.
            at: unsafe { part.at(worker * bytes) },
            bytes,
        }
    }

    /// Shares `blocks` blocks of columns out to the threads.
    pub(super) fn columns(
        &mut self,
        blocks: usize,
        job: &(dyn Fn(std::ops::Range<usize>, usize) + Sync),
    ) {
        let size = blocks.div_ceil(2 * self.threads()).next_multiple_of(BLOCKS);
        self.pool.run(blocks.div_ceil(size), &|task, worker| {
            job(task * size..((task + 1) * size).min(blocks), worker)
        });
    }

    /// LayerNorm of each pixel of `x`, quantised, into rows of squares of 2x2 pixels: the input of
    /// `layer`.
    ///
    /// A last odd row or column is left out. A square's pixels follow each other row by row.
    pub fn norm_squares(
        &mut self,
        x: &[f32],
        map: Map,
        norm: &Norm,
        layer: &Linear,
        out: &mut [u8],
    ) {
        let (high, wide) = (map.height / 2, map.width / 2);
        assert!(x.len() == map.floats() && check_norm(norm, map.channels));
        assert!(layer.inputs == 4 * map.channels && out.len() >= input_bytes(layer, high * wide));
        let (table, out, pitch) = (self.table, Part::of(out), layer.row_bytes());
        self.pool.run(high, &|square, _| {
            for y in [2 * square, 2 * square + 1] {
                for column in 0..2 * wide {
                    // SAFETY: checked above; each task writes its own rows of squares.
                    unsafe {
                        let from = x.as_ptr().add((y * map.width + column) * map.channels);
                        let place = (y % 2 * 2 + column % 2) * map.channels;
                        (table.norm_bytes)(
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
        assert!(a.len() >= input_bytes(layer, rows) && out.len() == rows * pitch);
        let (table, out) = (self.table, Part::of(out));
        let room = self.rooms(prepared, &[layer]);
        self.columns(pitch / 16, &|blocks, worker| {
            // SAFETY: checked above; each task writes its own columns.
            unsafe {
                let target = Target::Store {
                    out: out.at(0),
                    pitch,
                };
                let (a, lda) = (a.as_ptr(), layer.row_bytes());
                (table.linear)(a, lda, rows, layer, blocks, target, room(worker));
            }
        });
    }

    /// The mean over all pixels of `x` and its LayerNorm, quantised as the input of `layer`, into
    /// `out`.
    pub fn mean_norm(
        &mut self,
        x: &[f32],
        map: Map,
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
            (self.table.mean)(x.as_ptr(), map.pixels(), map.channels, rows.as_mut_ptr());
            (self.table.norm_bytes)(rows.as_ptr(), norm, out.as_mut_ptr());
        }
    }

    /// Scratch for a block of this map with these layers.
    pub fn block_sizes(&self, map: Map, first: &Linear, second: &Linear) -> Sizes {
        Sizes {
            rows: self.depthwise_rows(map),
            activations: input_bytes(first, map.pixels()),
            hidden: self.hidden_bytes(first, second, map.pixels()),
            prepared: self.prepared_bytes(first).max(self.prepared_bytes(second)),
        }
    }

    /// Scratch for a layer over `rows` rows.
    pub fn layer_sizes(&self, layer: &Linear, rows: usize) -> Sizes {
        Sizes {
            rows: layer.inputs,
            activations: input_bytes(layer, rows),
            hidden: 0,
            prepared: self.prepared_bytes(layer),
        }
    }
}

fn check_norm(norm: &Norm, channels: usize) -> bool {
    norm.gain.len() == channels
        && norm.shift.len() == channels
        && channels.is_multiple_of(16)
        && norm.channels.next_multiple_of(16) == channels
}
