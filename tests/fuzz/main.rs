//! Damaged frames by the thousand, and what the decoders hold: no panic, no hang, no growth.
//!
//! `cargo test --release --test fuzz` goes through a fixed number of cases, the same every time. A
//! long run:
//!
//! `FUZZ_CASES=1000000 FUZZ_SEED=7 cargo test --release --test fuzz -- --ignored --nocapture`
//!
//! A finding names its case; `FUZZ_FROM=CASE FUZZ_CASES=1` with the same seed repeats it alone.

mod config;
mod frames;
mod preparer;
mod support;
