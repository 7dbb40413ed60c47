//! From rankings over time to what is said: smoothing, hysteresis, heartbeat. Pure: time comes in
//! as a value.
//!
//! Logits become probabilities ([`scores::softmax`]), and an [`Observer`] turns the probabilities
//! of one frame after the other into a [`Say`] whenever there is something to say:
//!
//! 1. Each label's score is smoothed exponentially over time.
//! 2. A label is claimed when its smoothed score reaches the threshold and leads the second by the
//!    margin. Once said it is kept until its score falls below `release`, or another one is
//!    claimed.
//! 3. A claim has to hold for a number of frames in a row before it is said.
//! 4. While nothing changes, what was said is repeated at each heartbeat.
//!
//! Nothing here reads a clock, and a step allocates nothing, so that a recording gives the same
//! answers each time.

mod config;
mod observer;
#[cfg(test)]
mod properties;
pub mod scores;
mod statement;

pub use config::Config;
pub use observer::Observer;
pub use scores::Ranked;
pub use statement::{Say, Statement};
