//! This process and those below it, measured: heap, resident pages, control group, temperature,
//! times and counts.

pub(crate) mod cgroup;
pub mod heap;
pub(crate) mod process;
mod progress;
mod tally;
pub(crate) mod thermal;
pub(crate) mod timing;
pub(crate) mod tree;

pub use progress::Progress;
pub(crate) use progress::THREADS;
pub use tally::Tally;
