//! The process measured: heap, resident pages, control group, times and counts.

pub mod cgroup;
pub mod heap;
pub mod process;
mod tally;
pub mod timing;

pub use tally::Tally;
