//! Pictures of the frames behind events, as JPEG.
//!
//! No history of frames is kept. The observer knows one frame ahead that a change may be decided.
//! That frame is copied when it comes, because a raw picture's buffer returns to the camera before
//! the inference. If the frame decides, a thread of its own encodes the copy, and the frames after
//! it do not wait.
//!
//! The copy is in one place at a time: here, or with the thread. While the thread encodes, another
//! change gets no picture, which is counted. Once it is done, the next frame has the place, also
//! before the picture is published.

mod config;
mod encode;
mod event;
#[cfg(test)]
mod tests;
mod thread;

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError};
use std::time::{Duration, Instant};

use self::thread::{Done, Job};
use crate::frame::{Captured, Frame};
use crate::vision::{self, Thumbnailer};

pub use config::Config;
pub(crate) use encode::{Bounds, Encoder, Picture, memory as encoder_memory};
pub(crate) use event::{Event, Snapshot};

/// How long a picture that was asked for waits for a frame.
const PATIENCE: Duration = Duration::from_secs(5);

/// The time between two lines about missing pictures.
const QUIET: Duration = Duration::from_secs(60);

/// Why a picture is given up after a reload.
const OUTDATED: &str = "the configuration has changed since it was taken";

/// Takes pictures of frames.
pub struct Snapshots {
    config: Config,
    jobs: SyncSender<Job>,
    done: Receiver<Done>,
    /// The copy's place; `None` while the thread has it.
    kept: Option<Frame>,
    /// A picture that the thread has made and nobody has taken yet.
    made: Option<Made>,
    /// The number of the frame that was copied.
    copied: Option<u64>,
    /// How pictures are seen.
    seen: vision::Config,
    /// The same for the next job to tell the thread, if that changed.
    vision: Option<vision::Config>,
    /// Whether the job under way sees pictures as the configuration does no longer.
    outdated: bool,
    /// When a picture was asked for.
    requested: Option<Instant>,
    missed: u64,
    /// When the log last had a line about a missing picture.
    warned: Option<Instant>,
}

/// What became of a job, without the frame's bytes.
struct Made {
    event: Option<Event>,
    command: bool,
    seq: u64,
    captured: Captured,
    picture: Result<Picture, String>,
}

impl Snapshots {
    /// Starts the thread that encodes, for pictures that `vision` turns, crops and masks. Both have
    /// passed their checks.
    ///
    /// # Errors
    /// The system refuses the thread.
    pub fn start(config: &Config, vision: &vision::Config) -> io::Result<Self> {
        let encoder = Encoder::new(config.bounds(), Thumbnailer::new(vision));
        let (jobs, done) = thread::start(encoder)?;
        Ok(Self {
            config: config.clone(),
            jobs,
            done,
            kept: Some(Frame::empty()),
            made: None,
            copied: None,
            seen: vision.clone(),
            vision: None,
            outdated: false,
            requested: None,
            missed: 0,
            warned: None,
        })
    }

    /// Asks for a picture of the next frame.
    pub fn request(&mut self) {
        self.requested = Some(Instant::now());
    }

    /// Turns, crops and masks pictures as `vision` does from here on. A picture under way is given
    /// up if that differs.
    pub(crate) fn set_vision(&mut self, vision: &vision::Config) {
        if *vision == self.seen {
            return;
        }
        self.seen.clone_from(vision);
        self.vision = Some(vision.clone());
        self.outdated = self.kept.is_none();
        if let Some(made) = &mut self.made {
            made.picture = Err(OUTDATED.into());
        }
    }

    /// Whether the broker is to keep the last picture.
    pub(crate) fn retain(&self) -> bool {
        self.config.retain
    }

    /// Hears of a frame before anything is done with it. Copies it if the next change is `near`, or
    /// if a picture was asked for.
    pub(crate) fn frame(&mut self, frame: &Frame, near: bool) {
        self.copied = None;
        if !near && self.requested.is_none() {
            return;
        }
        self.collect();
        if let Some(kept) = &mut self.kept {
            kept.copy(frame);
            self.copied = Some(frame.seq);
        }
    }

    /// Hears that the frame passed the stages and led to `event`, or to none. Hands its copy to the
    /// thread if a picture is wanted of it.
    pub(crate) fn passed(&mut self, frame: &Frame, event: Option<Event>) {
        let command = self.requested.is_some();
        if event.is_none() && !command {
            return;
        }
        let kept = match self.copied.take() {
            Some(seq) if seq == frame.seq => self.kept.take(),
            _ => None,
        };
        let Some(frame) = kept else {
            if let Some(event) = event {
                self.miss(&format!("event {}: the one before is not ready", event.id));
            }
            // A picture that was asked for is one of a later frame.
            return;
        };
        self.requested = None;
        let job = Job {
            frame,
            event,
            command,
            vision: self.vision.take(),
        };
        if let Err(refused) = self.jobs.try_send(job) {
            let (TrySendError::Full(job) | TrySendError::Disconnected(job)) = refused;
            self.kept = Some(job.frame);
            self.vision = job.vision;
            self.miss("the thread that encodes is busy");
        }
    }

    /// Notes that the last frame had so many events beside the one that its picture is of. They get
    /// none.
    pub(crate) fn note_shared(&mut self, events: u64) {
        if events > 0 {
            self.miss("the frame's picture is of another region's event");
            self.missed += events - 1;
        }
    }

    /// A picture that is ready.
    pub(crate) fn ready(&mut self) -> Option<Snapshot> {
        if self.requested.is_some_and(|at| at.elapsed() > PATIENCE) {
            self.requested = None;
            self.miss("the camera has sent no frame since it was asked for");
        }
        self.collect();
        let Made {
            event,
            command,
            seq,
            captured,
            picture,
        } = self.made.take()?;
        match picture {
            Ok(picture) => Some(Snapshot {
                event,
                command,
                seq,
                captured,
                picture,
            }),
            Err(why) => {
                self.miss(&format!("frame {seq}: {why}"));
                None
            }
        }
    }

    /// Takes the place of the copy back from the thread, if it has done its job and the picture
    /// before was taken.
    fn collect(&mut self) {
        if self.made.is_some() {
            return;
        }
        let Ok(done) = self.done.try_recv() else {
            return;
        };
        let picture = if std::mem::take(&mut self.outdated) {
            Err(OUTDATED.into())
        } else {
            done.made.map_err(|error| error.to_string())
        };
        self.made = Some(Made {
            event: done.event,
            command: done.command,
            seq: done.frame.seq,
            captured: done.frame.captured,
            picture,
        });
        self.kept = Some(done.frame);
    }

    /// Pictures that were wanted and that there are none of.
    pub(crate) fn missed(&self) -> u64 {
        self.missed
    }

    fn miss(&mut self, why: &str) {
        self.missed += 1;
        if self.warned.is_none_or(|at| at.elapsed() > QUIET) {
            self.warned = Some(Instant::now());
            log::warn!("no snapshot: {why}; {} are missing so far", self.missed);
        }
    }
}

/// Bytes of memory that snapshots of frames of up to this size take: the copy of a frame of `frame`
/// bytes, an encoder, and the pictures that wait for the broker.
pub(crate) fn memory(
    config: &Config,
    vision: &vision::Config,
    frame: usize,
    (width, height): (usize, usize),
) -> usize {
    // One waits or is kept, one is under way, one is made and one in the connection's buffer.
    let sent = 4 * config.max_bytes;
    frame + encoder_memory(&config.bounds(), vision, width, height) + sent
}
