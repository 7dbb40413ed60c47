//! Cameras over HTTP that are odd or misbehave in every way: state, cause, counters, recovery, and
//! what they leave behind.
//!
//! Open files and the heap are the whole process's, so only one of these tests runs at a time, in a
//! program of its own.

mod logins;
mod odd;
mod redirects;
mod scene;
mod tls;
mod trouble;

#[path = "../support/mod.rs"]
mod support;
