//! One frame of the configured source, for commands that look once.

use std::time::{Duration, Instant};

use crate::config::Loaded;
use crate::frame::Frame;
use crate::signals::Stop;
use crate::source::{self, Cause, Monitor, Next, SourceKind};

/// How long a frame is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// The most.
    pub limit: Duration,
    /// Whether a source that has failed once is tried again within that.
    pub tries_again: bool,
}

/// The next frame of the source of `loaded`.
///
/// # Errors
/// Why there is none, in words.
pub(super) fn frame(loaded: &Loaded, patience: Patience, stop: &Stop) -> Result<Frame, String> {
    let config = &loaded.config;
    // A stream would lose its beginning.
    if config.source.kind == SourceKind::Recording {
        let path = config
            .source
            .path
            .as_ref()
            .map(|path| loaded.folder().join(path));
        if !path.is_some_and(|path| path.is_file() || path.is_dir()) {
            return Err("a stream is not read now".into());
        }
    }
    let opened = source::open(config.sections(loaded.folder()), stop);
    let mut opened = opened.map_err(|e| e.to_string())?;
    opened.start();
    let mut frame = Frame::empty();
    let end = Instant::now() + patience.limit;
    let has_failed = |camera: &Monitor| {
        let loss = camera.status().loss;
        loss.is_some_and(|loss| loss.cause != Cause::Opening)
    };
    loop {
        let goes_on = || patience.tries_again || !has_failed(&opened.camera);
        match opened.source.next(&mut frame).map_err(|e| e.to_string())? {
            Next::Frame => return Ok(frame),
            Next::Idle if Instant::now() < end && !stop.requested() && goes_on() => {}
            _ => {
                let loss = opened.camera.status().loss;
                return Err(loss.map_or("no frame came".into(), |loss| loss.message));
            }
        }
    }
}
