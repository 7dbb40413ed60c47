//! The memory budget: the predicted need, whether it fits, and the watch over it while the daemon
//! runs.

mod budget;
mod facts;
mod guard;
mod need;
mod trim;

pub use budget::Config;
pub(crate) use budget::Refusal;
pub use facts::{EngineMemory, Facts, Regions, SizedBy};
pub use guard::Guard;
pub(crate) use guard::Reading;
pub(crate) use need::Item;
pub use need::Remedy;
pub(crate) use trim::{remember_code, trim};
