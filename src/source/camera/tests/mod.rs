//! What cameras do wrong, on a kernel of the tests' own: what is said, what is counted, and that
//! pictures come back.
//!
//! `fault_NN_*` is of failure mode NN in the table of `tests/README.md`.

mod bench;
mod fake;
mod frames;
mod lending;
mod opening;
mod settings;
mod streaming;
