//! All frames of a replay through the pipeline.

use std::io;
use std::time::Instant;

use super::frames::Frames;
use crate::frame::Frame;
use crate::pipeline::{self, Listener, Pace, Pipeline};
use crate::setup::Failure;
use crate::signals::Stop;
use crate::source::{self, Fetched};

/// Why a replay stopped before the end of its recording.
pub(super) enum Ended {
    /// The reader of standard output closed it, and has seen enough.
    ReaderGone,
    Failed(Failure),
}

impl Ended {
    pub fn output(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::ReaderGone
        } else {
            Self::Failed(pipeline::Error::Output(error).into())
        }
    }
}

impl From<pipeline::Error> for Ended {
    fn from(error: pipeline::Error) -> Self {
        match error {
            pipeline::Error::Output(error) => Self::output(error),
            error => Self::Failed(error.into()),
        }
    }
}

impl From<source::Error> for Ended {
    fn from(error: source::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// Takes all frames through the pipeline.
pub(super) fn play(
    frames: &mut Frames,
    pipeline: &mut Pipeline,
    listeners: &mut [&mut dyn Listener],
    realtime: bool,
    stop: &Stop,
) -> Result<(), Ended> {
    let mut frame = Frame::empty();
    let pace = Pace::from(Instant::now());
    while !stop.requested() {
        match frames.step(&mut frame)? {
            Fetched::Frame => {}
            Fetched::Bad { cause, message } => {
                pipeline::pass_over(&frame, cause, &message, listeners)?;
                continue;
            }
            Fetched::Lost { count, cause } => {
                pipeline::lose(count, cause, listeners);
                continue;
            }
            Fetched::Idle => continue,
            Fetched::End => break,
        }
        if realtime {
            pace.wait(frame.captured.elapsed, stop, || ());
        }
        pipeline.process(&mut frame, listeners)?;
    }
    Ok(())
}
