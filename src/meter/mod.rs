//! The process measured: heap, resident pages, control group, times and counts.

pub(crate) mod cgroup;
pub mod heap;
pub(crate) mod process;
mod tally;
pub(crate) mod timing;

pub use tally::Tally;
