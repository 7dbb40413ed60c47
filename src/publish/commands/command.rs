//! What can be asked of the daemon.

use log::LevelFilter;

use super::answer::Asker;

/// The names of the commands.
pub(crate) const NAMES: [&str; 8] = [
    "pause",
    "resume",
    "snapshot",
    "reload",
    "threshold",
    "log_level",
    "health",
    "teach",
];

/// What is asked of the daemon.
#[derive(Clone, Debug, PartialEq)]
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
    /// Teach, or take back what was taught.
    Teach(Lesson),
}

/// What `teach` asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Lesson {
    /// Take the present frame as an example of this label.
    Example(String),
    /// Take it as an example of the selected label.
    Take,
    /// Select this label.
    Select(String),
    /// Take the newest example back.
    Undo,
    /// Take all examples of this label back.
    Forget(String),
    /// Tell what is taught.
    List,
}

/// A command that was understood and is allowed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Request {
    pub(crate) command: Command,
    pub(crate) asker: Asker,
}
