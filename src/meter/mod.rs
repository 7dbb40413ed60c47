//! The process measured: heap, resident pages, control group, temperature, times and counts.

pub(crate) mod cgroup;
pub mod heap;
pub(crate) mod process;
mod tally;
pub(crate) mod thermal;
pub(crate) mod timing;

pub use tally::Tally;
