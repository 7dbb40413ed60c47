//! Damaged frames and files of models by the thousand, and what their readers hold: no panic, no
//! hang, no growth.
//!
//! `cargo test --release --test fuzz` goes through a fixed number of cases, the same every time. A
//! long run:
//!
//! `FUZZ_CASES=1000000 FUZZ_SEED=7 cargo test --release --test fuzz -- --ignored --nocapture`
//!
//! A finding names its case; `FUZZ_FROM=CASE FUZZ_CASES=1` with the same seed repeats it alone.

mod answers;
mod config;
mod frames;
mod models;
mod preparer;
// The network of the unit tests, whose own shape is not used here.
mod recordings;
#[allow(dead_code)]
#[path = "../../src/engine/sample/mod.rs"]
mod sample;
#[path = "../support/slowest.rs"]
mod slowest;
mod support;
// Sums that fit a changed bundle.
#[allow(dead_code)]
#[path = "../support/bundle.rs"]
mod whole;
