//! What runs around the flow: the pipeline of one frame, its measures, memory, signals, the
//! daemon's threads.

pub mod budget;
pub mod cgroup;
pub mod daemon;
pub mod guard;
pub mod health;
pub mod heap;
mod log;
pub mod memory;
pub mod pace;
pub mod pipeline;
pub mod reload;
pub mod signals;
pub mod timing;
pub mod watchdog;

pub use self::budget::Config as MemoryConfig;
pub use self::health::Config as HealthConfig;
pub use self::log::{Config as LogConfig, start as start_log};
