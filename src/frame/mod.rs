//! One picture as it came from a source, and what can be done with it before it is looked at.
//!
//! A [`Frame`] has its [`Bytes`] in a buffer that is made once and reused, or on loan from a
//! camera's driver; a [`View`] borrows them, so that the vision stage reads either without a copy.
//! [`Rows`] reads a raw picture line by line, [`jpeg::Decoder`] does so for JPEG, [`Samples`] turns
//! lines into RGB, and the [`Slot`] is where the newest frame waits between two threads.

mod bytes;
mod condition;
mod error;
mod format;
pub mod jpeg;
mod picture;
mod rows;
mod slot;
mod ycbcr;

pub use bytes::{Bytes, Lender, Loan};
pub use condition::Condition;
pub use error::Error;
pub use format::{Colour, Matrix, PixelFormat};
pub use picture::{Captured, Frame, View};
pub use rows::{Lines, Rows};
pub use slot::{Slot, Taken};
pub use ycbcr::{Samples, Ycbcr};

/// The most pixels that a compressed picture may say it has, before anything is made ready for it.
pub const MAX_PIXELS: usize = 64 << 20;
