//! The memory budget: the predicted need, whether it fits, and the watch over it while the daemon
//! runs.

pub mod guard;
pub mod need;
