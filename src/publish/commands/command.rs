//! What can be asked of the daemon.

use log::LevelFilter;

use super::answer::Asker;

/// The names of the commands.
pub(crate) const NAMES: [&str; 7] = [
    "pause",
    "resume",
    "snapshot",
    "reload",
    "threshold",
    "log_level",
    "health",
];

/// What is asked of the daemon.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Command {
    /// Stop classifying.
    Pause,
    /// Go on with it.
    Resume,
    /// Publish a picture of the present.
    Snapshot,
    /// Read configuration and model again.
    Reload,
    /// Use this `observe.threshold`.
    Threshold(f32),
    /// Use this `log.level`.
    LogLevel(LevelFilter),
    /// Publish health now.
    Health,
}

/// A command that was understood and is allowed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Request {
    pub(crate) command: Command,
    pub(crate) asker: Asker,
}
