//! A trial run of the program, for `goldcrest check`.

use std::thread;
use std::time::{Duration, Instant};

use super::config::Config;
use super::keeper::LONGEST;
use super::source::{Launch, Process};
use crate::frame::Frame;
use crate::meter::tree;
use crate::signals::Stop;
use crate::source::{Cause, Error, Loss};

/// Starts the program, waits for its first frame, and ends it. Returns the program, the frame and
/// the program's memory in words.
///
/// # Errors
/// [`Error::Lost`] if no frame came; [`Error::Interrupted`].
pub(crate) fn attempt(config: &Config, stop: &Stop) -> Result<String, Error> {
    // One that another part of the check started may still be ending, and cameras serve one.
    await_end();
    let mut process = Process::new(config, Launch::default());
    let monitor = process.monitor();
    let mut frame = Frame::empty();
    process.first(&mut frame, stop)?;
    let memory = monitor.child().and_then(tree::held);
    let mode = process.status().mode.clone();
    drop(process);
    await_end();
    let (Some(mode), Some(memory)) = (mode, memory) else {
        let message = format!("{} ended after its first frame", config.argv.name());
        return Err(Error::Lost(Loss::new(Cause::Exited, message)));
    };
    Ok(format!(
        "{} sends {} {}x{}; it takes {:.1} MiB beside this program, in {} processes",
        config.argv.name(),
        mode.fourcc,
        mode.width,
        mode.height,
        memory.memory_mb,
        memory.processes
    ))
}

/// Waits until this process has no children any more, as long as a keeper needs at most.
fn await_end() {
    let end = Instant::now() + LONGEST;
    while !tree::below(std::process::id()).is_empty() && Instant::now() < end {
        thread::sleep(Duration::from_millis(20));
    }
}
