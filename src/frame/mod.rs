//! One picture as it came from a source, and what can be done with it before it is looked at.
//!
//! A [`Frame`] has its [`Bytes`] in a buffer that is made once and reused, or on loan from a
//! camera's driver; a [`View`] borrows them, so that the vision stage reads either without a copy.
//! [`Rows`] reads a raw picture line by line, [`jpeg::Decoder`] does so for JPEG, [`Samples`] turns
//! lines into RGB, and the [`Slot`] is where the newest frame waits between two threads.

mod bytes;
mod error;
mod format;
pub mod jpeg;
mod picture;
mod rows;
mod slot;
mod state;
mod ycbcr;

pub use bytes::{Bytes, Lender, Loan};
pub use error::Error;
pub use format::{Colour, MAX_PIXELS, Matrix, PixelFormat};
pub use picture::{Captured, Frame, View};
pub use rows::{Lines, Rows};
pub use slot::{Slot, Taken};
pub use state::PictureState;
pub use ycbcr::{Samples, Ycbcr};
