//! Pictures of uncertain and of changed moments, kept for a person to sort and to teach.
//!
//! A picture is what the camera sent, made smaller, with all that the model does not see in black.
//! So `teach` and `replay` make the same input of it again, under the same configuration. The
//! folder is bounded in pictures and bytes, and the oldest go first.
//!
//! As for snapshots, a frame is copied when it comes, because a raw picture's buffer returns to the
//! camera before the inference. A change is known to be near one frame ahead. An uncertain moment
//! is kept where a frame follows one that was uncertain too. A thread of its own encodes and
//! writes, so nobody waits for the disk. While it works, another picture that is wanted is missed
//! and counted.

mod config;
mod folder;
mod keeper;
mod name;
mod pace;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError};
use std::time::{Duration, Instant};

use self::folder::Limits;
use self::keeper::{Done, Form, Job, Keeper};
use self::pace::Pace;
use crate::frame::Frame;
use crate::region::Places;
use crate::snapshot;
use crate::vision;

pub use config::Config;
pub(crate) use name::Kind;
use name::Name;

/// The time between two lines about missing pictures.
const QUIET: Duration = Duration::from_secs(60);

/// What a frame showed, if it is worth a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Moment<'a> {
    /// Why.
    pub(crate) kind: Kind,
    /// The new label, or the best one of an uncertain moment.
    pub(crate) label: &'a str,
    /// Its score, 0 to 1.
    pub(crate) score: f32,
}

/// Which regions were looked at in a frame, and where that was uncertain. Without regions, the one
/// place there is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Doubts {
    pub(crate) looked: Places,
    pub(crate) uncertain: Places,
}

/// Keeps pictures of moments.
pub struct Reviews {
    jobs: SyncSender<Job>,
    done: Receiver<Done>,
    pace: Pace,
    limits: Limits,
    /// Whether pictures are kept: a reload may leave the folder out.
    on: bool,
    /// The copy's place; `None` while the thread has it.
    kept: Option<Frame>,
    /// The number of the frame that was copied.
    copied: Option<u64>,
    /// Where the last look was uncertain.
    doubted: Places,
    /// Where pictures go, and how they are made.
    form: Form,
    /// The same for the next job to tell the thread, if that changed.
    changed: Option<Form>,
    missed: u64,
    /// When the log last had a line about a missing picture.
    warned: Option<Instant>,
}

impl Reviews {
    /// Starts the thread that keeps pictures as `config` wants them, with what is not `seen` in
    /// black: once for each region, or once without regions. All have passed their checks.
    ///
    /// # Errors
    /// The system refuses the thread.
    pub(crate) fn start(config: &Config, seen: Vec<vision::Config>) -> io::Result<Self> {
        let form = Form {
            folder: config.folder.clone().unwrap_or_default(),
            bounds: config.bounds(),
            seen,
        };
        let (jobs, done) = Keeper::new(&form, 0).start()?;
        Ok(Self {
            jobs,
            done,
            pace: Pace::new(config.interval),
            limits: config.limits(),
            on: config.folder.is_some(),
            kept: Some(Frame::empty()),
            copied: None,
            doubted: Places::default(),
            form,
            changed: None,
            missed: 0,
            warned: None,
        })
    }

    /// Goes on with `config`, which needs no more memory than the one at the start, and hides what
    /// is not `seen`. A frame that was copied under other masks is given up; a picture under way is
    /// of a frame that came before.
    pub(crate) fn configure(&mut self, config: &Config, seen: Vec<vision::Config>) {
        self.pace.set_interval(config.interval);
        self.limits = config.limits();
        self.on = config.folder.is_some();
        if seen != self.form.seen || !self.on {
            self.copied = None;
        }
        let folder = config.folder.as_ref().unwrap_or(&self.form.folder);
        let form = Form {
            folder: folder.clone(),
            bounds: config.bounds(),
            seen,
        };
        if form != self.form {
            self.changed = Some(form.clone());
            self.form = form;
        }
    }

    /// Hears of a frame before anything is done with it. Copies it if it may be kept: the next
    /// change is `near`, or the frame before was uncertain.
    pub(crate) fn frame(&mut self, frame: &Frame, near: bool) {
        let now = frame.captured.elapsed;
        self.copied = None;
        let change = near && self.pace.change_is_due(now);
        let doubt = !self.doubted.is_empty() && self.pace.doubt_is_due(now);
        if self.on
            && (change || doubt)
            && let Some(kept) = &mut self.kept
        {
            kept.copy(frame);
            self.copied = Some(frame.seq);
        }
    }

    /// Hears that the frame passed the stages and showed `moment` in the region at `place`, or
    /// nothing that is worth a picture. Hands its copy to the thread if it is to be kept. `doubts`
    /// are those of all regions.
    pub(crate) fn passed(
        &mut self,
        frame: &Frame,
        (moment, place): (Option<Moment<'_>>, usize),
        doubts: Doubts,
    ) {
        let now = frame.captured.elapsed;
        let doubted = self.doubted;
        self.doubted.remove_all(doubts.looked);
        self.doubted.add_all(doubts.uncertain);
        let Some(Moment { kind, label, score }) = moment.filter(|_| self.on) else {
            return;
        };
        let wanted = match kind {
            Kind::Changed => {
                self.pace.changed();
                self.pace.change_is_due(now)
            }
            Kind::Uncertain => doubted.has(place) && self.pace.doubt_is_due(now),
        };
        if !wanted {
            return;
        }
        let copied = self.copied.take() == Some(frame.seq);
        let Some(kept) = self.kept.take_if(|_| copied) else {
            // The next uncertain frame is as good.
            if kind == Kind::Changed {
                self.miss("the one before is not written yet");
            }
            return;
        };
        match kind {
            Kind::Changed => self.pace.keep_change(now),
            Kind::Uncertain => self.pace.keep_doubt(now),
        }
        let job = Job {
            frame: kept,
            name: Name::new(frame.captured.wall, kind, label, score),
            limits: self.limits,
            place,
            form: self.changed.take(),
        };
        if let Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) =
            self.jobs.try_send(job)
        {
            self.kept = Some(job.frame);
            self.changed = job.form;
            self.miss("the thread that writes is busy");
        }
    }

    /// Takes the copy's place back from the thread, if it is done. Returns how many pictures were
    /// wanted and are not kept so far.
    pub(crate) fn settle(&mut self) -> u64 {
        if let Ok(Done { frame, made }) = self.done.try_recv() {
            self.kept = Some(frame);
            if let Err(why) = made {
                self.miss(&why);
            }
        }
        self.missed
    }

    fn miss(&mut self, why: &str) {
        self.missed += 1;
        if self.warned.is_none_or(|at| at.elapsed() > QUIET) {
            self.warned = Some(Instant::now());
            log::warn!(
                "no picture to review: {why}; {} are missing so far",
                self.missed
            );
        }
    }
}

/// Bytes of memory that keeping pictures of frames of up to this size takes: the copy of a frame of
/// `frame` bytes, and an encoder with a picture.
pub(crate) fn memory(
    config: &Config,
    vision: &vision::Config,
    frame: usize,
    (width, height): (usize, usize),
) -> usize {
    frame + snapshot::encoder_memory(&config.bounds(), vision, width, height)
}
