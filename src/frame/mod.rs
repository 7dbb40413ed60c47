//! A picture as a source delivers it: its bytes, formats, rows and decoders.
//!
//! A [`Frame`] has its `Bytes` in a buffer that is allocated once and reused, or on loan from a
//! camera's driver. A `View` borrows them, so that vision reads either without a copy. [`Rows`]
//! reads a raw picture line by line, [`jpeg::Decoder`] a JPEG; `Samples` turns lines into RGB.
//! The newest frame waits in the `Slot` between two threads.

mod bytes;
mod error;
mod format;
pub mod jpeg;
mod limit;
mod orientation;
mod picture;
mod rows;
mod slot;
mod state;
mod ycbcr;

pub(crate) use bytes::{Bytes, Lender, Loan};
pub use error::Error;
pub use format::{Colour, PixelFormat};
pub(crate) use format::{MAX_PIXELS, Matrix};
pub use limit::Limit;
pub use orientation::Orientation;
pub(crate) use picture::View;
pub use picture::{Captured, Frame};
pub use rows::{Lines, Rows};
pub(crate) use slot::{Slot, Taken};
pub(crate) use state::PictureState;
pub(crate) use ycbcr::{Samples, Ycbcr};
