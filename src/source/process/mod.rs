//! A program whose standard output is the camera.

mod child;
mod complaint;
mod config;
mod keeper;
mod program;
mod secrets;
mod source;
mod trial;

pub use config::{Argv, Config, Format};
pub use keeper::{become_program, keep};
pub use source::{Launch, Process};
pub(crate) use trial::attempt;

/// Bytes that the last lines of a child's standard error take: the present one and the one before.
const COMPLAINTS: usize = 2 * complaint::LONGEST + (8 << 10);
