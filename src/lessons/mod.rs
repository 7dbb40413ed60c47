//! What the running daemon is taught: its examples, and the head that is fitted to them.
//!
//! The examples of one model stand in one file of the state folder ([`store`]), the
//! head in another. A thread of its own keeps them and fits the head, so that neither the disk nor
//! the arithmetic holds up a frame. What it has done comes back as [`News`].

use crate::vision;

mod config;
mod edges;
mod fitting;
mod folder;
mod inventory;
mod pictures;
mod record;
mod store;
mod task;
#[cfg(test)]
mod tests;
mod thread;
mod words;
mod worker;

pub use config::Config;
pub use folder::Error;
pub(crate) use folder::head_path;
pub use inventory::Inventory;
pub use pictures::Shot;
pub use task::{Change, Did, News, State, Task};
pub use thread::{Lessons, Opening};

/// Bytes that examples and a fit to them take, and pictures of frames of `frame` bytes and of this
/// size, as `seen` shows them.
pub(crate) fn memory(
    config: &Config,
    seen: &vision::Config,
    frame: usize,
    size: (usize, usize),
) -> usize {
    if !config.enabled {
        return 0;
    }
    let pictures = if config.pictures {
        pictures::memory(seen, frame, size)
    } else {
        0
    };
    let most = config.max_examples;
    // What changes is on the disk before a head is fitted.
    let kept = store::memory(most) + store::file_memory(most).max(fitting::memory(most));
    // The scene of the examples, the one before the newest, and edges on their way.
    kept + pictures + 3 * vision::SCENE_MEMORY
}
