//! From a configuration to the parts that it names: model, memory guard, daemon.

mod daemon;
mod failure;
mod model;
pub mod need;
mod remedies;

pub use daemon::daemon;
pub use failure::Failure;
pub use model::{Packing, configuration, located, model};
