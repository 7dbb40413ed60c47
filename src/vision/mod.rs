//! From a frame of any format to the model's input.
//!
//! [`Preparer`] turns a picture the way the camera is mounted, crops it and resizes it to the
//! model's size, row by row as the picture is read: a raw picture is never held as RGB, and a JPEG
//! picture is decoded no larger than needed. The result equals that of Pillow's `Image.resize` with
//! `BILINEAR` and a `box`, to the bit for the same RGB, because the network was trained on that.
//! (Where one side is enlarged and the other reduced, Pillow 13 resizes the columns first, and a
//! level may differ by 1.)
//!
//! [`Gate`] glances at pictures over time, before they are prepared, and decides which are worth an
//! inference.

mod axis;
mod config;
mod gate;
mod geometry;
mod glance;
mod prepare;

pub use config::Config;
pub(crate) use config::Flip;
pub(crate) use gate::GateReading;
pub use gate::{Gate, GateConfig};
pub use prepare::Preparer;

/// Bytes that decoding and resizing pictures of `width` pixels takes, in addition to what a new
/// [`Preparer`] holds: one row of blocks of a JPEG at its full size, a few rows of pixels, and the
/// tables of both decoders, the gate's too.
pub fn memory(width: usize) -> usize {
    64 * width + (128 << 10)
}
