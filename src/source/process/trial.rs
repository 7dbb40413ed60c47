//! A trial run of the program, for `goldcrest check`.

use super::config::Config;
use super::source::{Launch, Process};
use crate::frame::Frame;
use crate::meter::tree;
use crate::signals::Stop;
use crate::source::{Cause, Error, Loss, Next, Source};

/// Starts the program, waits for its first frame, and ends it. Returns the program, the frame and
/// the program's memory in words.
///
/// # Errors
/// [`Error::Lost`] if no frame came; [`Error::Interrupted`].
pub(crate) fn attempt(config: &Config, stop: &Stop) -> Result<String, Error> {
    let mut process = Process::new(config, Launch::default());
    let monitor = process.monitor();
    let mut frame = Frame::empty();
    loop {
        if stop.requested() {
            return Err(Error::Interrupted);
        }
        if process.next(&mut frame)? == Next::Frame {
            break;
        }
        let loss = process.status().loss.clone();
        if let Some(loss) = loss.filter(|loss| loss.cause != Cause::Opening) {
            return Err(Error::Lost(loss));
        }
    }
    let memory = monitor.child().and_then(tree::held);
    let mode = process.status().mode.clone();
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
