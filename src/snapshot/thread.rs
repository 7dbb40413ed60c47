//! The thread that encodes pictures.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::Instant;

use super::encode::{Encoder, Error, Picture};
use super::event::Event;
use crate::frame::Frame;
use crate::threads;
use crate::vision::{self, Thumbnailer};

/// A picture to make.
pub(super) struct Job {
    pub frame: Frame,
    pub event: Option<Event>,
    pub command: bool,
    pub vision: Option<vision::Config>,
}

/// What became of a job, with the place of its copy.
pub(super) struct Done {
    pub frame: Frame,
    pub event: Option<Event>,
    pub command: bool,
    pub made: Result<Picture, Error>,
}

/// Starts the thread: what it is sent, and what it answers.
///
/// # Errors
/// The system refuses the thread.
pub(super) fn start(mut encoder: Encoder) -> io::Result<(SyncSender<Job>, Receiver<Done>)> {
    threads::serve("snapshot", move |job: Job| {
        if let Some(vision) = &job.vision {
            encoder.set_thumbnailer(Thumbnailer::new(vision));
        }
        let start = Instant::now();
        let made = encoder.encode(job.frame.view());
        let (seq, took) = (job.frame.seq, start.elapsed());
        log::debug!("frame {seq}: encoded in {:.1} ms", took.as_secs_f64() * 1e3);
        Done {
            frame: job.frame,
            event: job.event,
            command: job.command,
            made,
        }
    })
}
