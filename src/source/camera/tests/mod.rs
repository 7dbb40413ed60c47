//! Faults of cameras, on a fake kernel: the reported state, the counters, and that pictures come
//! back.
//!
//! `fault_NN_*` tests failure NN in the table of `tests/README.md`.

mod bench;
mod fake;
mod frames;
mod lending;
mod opening;
mod settings;
mod streaming;
