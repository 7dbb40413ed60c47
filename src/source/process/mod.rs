//! A program whose standard output is the camera.

mod child;
mod complaint;
mod config;
mod keeper;
mod program;
pub(in crate::source) mod secrets;
mod source;
mod trial;

pub use config::{Argv, Config, Format};
pub use keeper::{become_program, keep};
pub use source::{Launch, Process};
pub(crate) use trial::attempt;
