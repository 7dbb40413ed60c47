//! Goldcrest watches one camera and publishes over MQTT what it sees, in a small and fixed amount
//! of memory.
//!
//! Modules that carry a frame, in the order in which it passes them:
//!
//! - [`frame`]: pixel formats, decoders, the slot in which the newest frame waits
//! - [`source`]: cameras, recordings and synthetic pictures
//! - [`vision`]: from a frame of any format to the model's input
//! - [`engine`]: from the model's input to scores
//! - [`observe`]: from scores over time to the published state
//! - [`snapshot`]: pictures of the frames behind events; [`review`]: pictures for a person to sort
//! - [`publish`]: messages over MQTT
//! - [`lessons`]: what the running daemon is taught
//!
//! Around them: [`teach`] makes heads of examples, [`pipeline`] runs the stages on one frame,
//! [`daemon`] runs threads, health and reload, [`memory`] computes and guards the budget, [`meter`]
//! measures the process, `report` writes the page of a replay, `setup` builds the parts that a
//! configuration names, and [`cli`] holds the commands.
//!
//! ARCHITECTURE.md lists which module may use which; a test holds the list. The crate has one user,
//! the `goldcrest` program. What is public is public for that program, tests and benchmarks.

pub mod cli;
pub mod config;
pub mod daemon;
pub mod engine;
mod escape;
mod exit;
mod files;
pub mod frame;
mod identity;
pub mod lessons;
mod logging;
pub mod memory;
pub mod meter;
mod metrics;
mod misfit;
pub mod observe;
mod panics;
pub mod pipeline;
pub mod publish;
mod record;
pub mod region;
mod report;
pub mod review;
mod secrets;
mod setup;
pub mod signals;
pub mod snapshot;
pub mod source;
pub mod teach;
mod terminal;
mod threads;
mod tls;
pub mod vision;
pub mod watch;

#[cfg(test)]
mod tests {
    use std::hint::black_box;
    use std::panic::catch_unwind;

    #[test]
    fn a_sum_or_product_that_wraps_panics_in_every_build() {
        assert!(catch_unwind(|| black_box(u32::MAX) + black_box(1)).is_err());
        assert!(catch_unwind(|| black_box(0_usize) - black_box(1)).is_err());
        assert!(catch_unwind(|| black_box(usize::MAX / 2) * black_box(3)).is_err());
    }
}
