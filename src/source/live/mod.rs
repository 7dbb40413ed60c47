//! What sources share that read a live stream: a thread that cuts it into frames, of which the
//! newest wins; the run that is watched and begun again; the state that is published; the pauses
//! between two tries.

mod ahead;
mod feed;
mod format;
mod frames;
mod retry;
mod run;
mod standing;

use std::time::Duration;

pub(super) use ahead::{Ahead, ahead};
pub(super) use feed::{Outlet, start_thread};
pub(super) use format::{AHEAD, Format};
pub(super) use frames::Frames;
pub use retry::Pauses;
pub(super) use run::{Hold, Kind, Live, Work};

/// The longest that one call of [`super::Source::next`] waits.
const SLICE: Duration = Duration::from_millis(200);
/// How long the thread of a run is waited for when the source itself ends.
const GOODBYE: Duration = Duration::from_millis(500);
