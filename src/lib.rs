//! Goldcrest watches one camera and says over MQTT what it sees, in a small and fixed amount of
//! memory.
//!
//! The crate is one flow, and its modules stand in the order in which a frame passes them:
//!
//! - [`frame`]: pixel formats, decoders, the slot in which the newest frame waits
//! - [`source`]: where frames come from: a camera, a recording
//! - [`vision`]: from a frame of any format to the model's input
//! - [`engine`]: from the model's input to scores
//! - [`observe`]: from scores over time to what is said
//! - [`publish`]: saying it over MQTT
//! - [`service`]: the threads, limits and signals around all that
//! - [`cli`]: the commands
//!
//! A module uses only modules above it in this list, and each owns its section of the
//! configuration, which [`config`] composes.

pub mod cli;
pub mod config;
pub mod engine;
pub mod frame;
pub mod observe;
pub mod publish;
pub mod service;
pub mod source;
pub mod vision;
