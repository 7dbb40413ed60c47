//! Whether threads make progress: each counts its turns, and others watch the counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// The threads that are counted, in the order of [`Progress::turns`].
pub(crate) const THREADS: [&str; 2] = ["main", "capture"];

/// The turns that the daemon's threads have taken.
#[derive(Debug, Default)]
pub struct Progress([AtomicU64; 2]);

impl Progress {
    /// Counts a turn of the main thread.
    pub(crate) fn main_turns(&self) {
        self.0[0].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a turn of the capture thread.
    pub(crate) fn capture_turns(&self) {
        self.0[1].fetch_add(1, Ordering::Relaxed);
    }

    /// The turns so far, of each of [`THREADS`].
    pub(crate) fn turns(&self) -> [u64; 2] {
        [0, 1].map(|thread: usize| self.0[thread].load(Ordering::Relaxed))
    }
}
