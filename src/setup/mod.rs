//! From a configuration to the parts that it names: model, memory guard, daemon.

mod daemon;
mod failure;
mod folders;
mod head;
mod lessons;
mod model;
pub mod need;
mod pictures;
mod region;
mod remedies;
mod reread;

pub use daemon::daemon;
pub use failure::Failure;
pub use folders::StateFolder;
pub use head::{head_paths, heads};
pub use lessons::inventory;
pub use model::{
    Model, Packing, configuration, configuration_for, leave_no_dump, located, model,
    warn_of_exposed,
};
pub use region::of_region;
