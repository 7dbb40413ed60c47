//! A V4L2 camera that survives what cameras do.
//!
//! ```text
//! config ─► devices ─► negotiate, mode ─► stream ─► session ─► source (the Camera)
//!            by name    pure         buffers   frames,     state, reopening
//!                                     lent      counters
//!                 system: the ioctls, as a trait; kernel: the real ones
//! ```
//!
//! A camera that is lost is never an error: [`Camera::status`] says why,
//! [`Source::next`](super::Source::next) gives [`Next::Idle`](super::Next::Idle), and it is opened
//! again with growing pauses, for ever.

mod buffers;
mod config;
mod controls;
mod devices;
mod kernel;
mod loss;
mod mode;
mod negotiate;
mod open;
mod session;
mod source;
mod stream;
mod survey;
mod system;

#[cfg(test)]
mod tests;

pub use config::{Config, ControlValue, Format};
pub use source::Camera;
pub use survey::{Choice, Survey, survey};
