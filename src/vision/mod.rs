//! From a frame of any format to the model's input.
//!
//! [`Preparer`] turns a picture as the camera is mounted, cuts out the part that matters and brings
//! it to the model's size, row by row as the picture is read: a raw picture is never held as RGB,
//! and a JPEG picture is decoded no larger than is needed. What it computes is what Pillow's
//! `Image.resize` with `BILINEAR` and a `box` computes, to the bit for the same RGB, because that
//! is what the network was trained on. (Where one side is enlarged and the other reduced, Pillow 13
//! goes down the columns first, and a level may differ by 1.)
//!
//! [`Gate`] glances at pictures over time, before they are prepared, and says whether one is worth
//! an inference.

mod axis;
mod config;
mod gate;
mod geometry;
mod glance;
mod prepare;

pub use config::{Config, Flip};
pub use gate::{Gate, GateConfig, GateReading};
pub use prepare::Preparer;

/// What decoding and resizing pictures of `width` pixels takes, in bytes, on top of what a
/// [`Preparer`] has from the start: one row of blocks of a JPEG at its full size, a few rows of
/// pixels, and tables, also those of the gate's decoder.
pub fn memory(width: usize) -> usize {
    64 * width + (128 << 10)
}
