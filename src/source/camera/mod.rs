//! A V4L2 camera that survives unplugging, hanging drivers and damaged frames.
//!
//! ```text
//! config ─► devices ─► negotiate, mode ─► stream ─► session ─► source (the Camera)
//!            by name    pure               buffers   frames,    state, reopening,
//!                                          lent      counters   closer
//!                 system: the ioctls, as a trait; kernel: the real ones
//! ```
//!
//! A lost camera is never an error: [`Camera::status`] holds the cause,
//! [`Source::next`](super::Source::next) returns [`Next::Idle`](super::Next::Idle), and the device
//! is opened again and again, with growing pauses.

mod buffers;
mod closer;
mod config;
mod controls;
mod devices;
mod judge;
mod kernel;
mod lending;
mod loss;
mod mode;
mod negotiate;
mod open;
mod room;
mod session;
mod source;
mod stream;
mod survey;
mod system;

#[cfg(test)]
pub(crate) mod tests;

pub use config::{Config, ControlValue, Format};
pub use source::Camera;
#[cfg(test)]
pub(crate) use survey::{ListedFormat, Listing};
pub(crate) use survey::{Survey, survey};
