//! What the running daemon is taught: its examples, and the head that is fitted to them.
//!
//! The examples of one model stand in one file of the state folder ([`store`](self::store)), the
//! head in another. A thread of its own keeps them and fits the head, so that neither the disk nor
//! the arithmetic holds up a frame. What it has done comes back as [`News`].

mod config;
mod fitting;
mod folder;
mod record;
mod store;
#[cfg(test)]
mod tests;
mod thread;
mod worker;

pub use config::Config;
pub use folder::Error;
pub use thread::{Lessons, Opening};
pub(crate) use worker::{Change, Did, News, State, Task};

/// Bytes that examples and a fit to them take.
pub(crate) fn memory(config: &Config) -> usize {
    if !config.enabled {
        return 0;
    }
    store::memory(config.max_examples) + fitting::memory(config.max_examples)
}
