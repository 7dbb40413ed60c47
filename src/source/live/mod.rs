//! What sources share that read a live stream: a thread that cuts it into frames, of which the
//! newest wins; the state that is published; the pauses between two tries.

mod ahead;
mod feed;
mod format;
mod frames;
mod retry;
mod standing;

pub(super) use ahead::{Ahead, ahead};
pub(super) use feed::{Counts, Feed, Outlet, start_thread};
pub(super) use format::{AHEAD, Format};
pub(super) use frames::Frames;
pub use retry::Pauses;
pub(super) use retry::Retry;
pub(super) use standing::Standing;

/// The longest that one call of [`super::Source::next`] waits.
pub(super) const SLICE: std::time::Duration = std::time::Duration::from_millis(200);
