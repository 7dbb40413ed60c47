//! From a frame of any format to the model's input.
//!
//! [`Preparer`] turns a picture the way the camera is mounted, crops it and resizes it to the
//! model's size, row by row as the picture is read: a raw picture is never held as RGB, and a JPEG
//! picture is decoded no larger than needed. The result equals that of Pillow's `Image.resize` with
//! `BILINEAR` and a `box`, to the bit for the same RGB, because the network was trained on that.
//! (Where one side is enlarged and the other reduced, Pillow 13 resizes the columns first, and a
//! level may differ by 1.)
//!
//! Masks of the configuration are black in every picture that this room reads; see [`Mask`]. Other
//! rooms read pictures through [`Masked`], or as a thumbnail.
//!
//! [`Scene`] keeps the edges of a scene, to tell whether the camera was moved.
//!
//! [`Gate`] glances at pictures over time, before they are prepared, and decides which are worth an
//! inference.

mod axis;
mod config;
mod gate;
mod geometry;
mod glance;
mod mask;
mod prepare;
mod resizer;
mod scene;
mod thumbnail;

pub use config::Config;
pub(crate) use config::Flip;
pub(crate) use gate::GateReading;
pub use gate::{Gate, GateConfig};
pub(crate) use geometry::Turn;
pub use mask::Mask;
pub(crate) use mask::{Cover, Grain, Masked};
pub use prepare::Preparer;
pub(crate) use scene::{MEMORY as SCENE_MEMORY, Watch};
pub use scene::{MOVED, Scene, Unfit};
pub(crate) use thumbnail::{Thumbnailer, fitted};

/// Bytes that decoding and resizing pictures of up to this width and height takes, in addition to
/// what a new [`Preparer`] holds: one row of blocks of a JPEG at its full size, a few rows of
/// pixels, weights and rows of the resampler, and the tables of both decoders, the gate's too.
/// Masks come on top: [`Config::mask_memory`].
pub fn memory(width: usize, height: usize) -> usize {
    BLOCKS * width + ROWS * height + TABLES
}

/// Bytes for each column of a picture: of a row of blocks as cameras send them at most 40, of a row
/// of pixels 3, and the weights.
const BLOCKS: usize = 64;
/// Bytes for each row of a picture: the weights, and the rows that one row of the input needs.
const ROWS: usize = 32;
/// Tables of both decoders.
const TABLES: usize = 112 << 10;
