//! From scores over time to the published state: smoothing, hysteresis, heartbeat. Pure: time comes
//! in as a value.
//!
//! [`scores::softmax`] turns logits into probabilities. An [`Observer`] takes the probabilities of
//! each frame and returns an [`Update`] when there is something to publish:
//!
//! 1. It smooths each label's score exponentially over time.
//! 2. A frame claims a label whose smoothed score reaches the threshold and leads the second by the
//!    margin, unless the scores are spread over too many labels: pictures of what no label names
//!    leave a long tail of small scores even where the first one is high. The published label is
//!    kept until its score falls below `release` or a frame claims another one.
//! 3. A claim becomes the published label after a number of frames in a row.
//! 4. While nothing changes, each heartbeat repeats the published label.
//!
//! Nothing here reads a clock, so a recording gives the same answers each time. A step allocates
//! nothing.

mod config;
mod doubt;
mod observer;
#[cfg(test)]
mod properties;
mod rule;
pub(crate) mod scores;
mod update;

pub use config::Config;
pub(crate) use doubt::doubt;
pub use observer::Observer;
pub use rule::Rule;
pub(crate) use scores::Ranked;
pub(crate) use update::{Statement, Update};
