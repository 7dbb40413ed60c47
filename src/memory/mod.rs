//! The memory budget: the predicted need, whether it fits, and the watch over it while the daemon
//! runs.

mod budget;
mod guard;
mod need;
mod trim;

pub use budget::{Config, Refusal};
pub use guard::{Guard, Reading};
pub use need::{EngineMemory, Facts, Item, Need, Pages};
pub use trim::trim;
