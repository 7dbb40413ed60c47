//! The thread that encodes pictures and writes them into the folder.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::Instant;

use super::folder::{self, Limits};
use super::name::Name;
use crate::frame::Frame;
use crate::snapshot::{Bounds, Encoder};
use crate::threads;
use crate::vision::{self, Thumbnailer};

/// Where pictures go, and how they are made.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Form {
    pub folder: PathBuf,
    pub bounds: Bounds,
    /// How pictures are seen, once for each region, or once without regions.
    pub seen: Vec<vision::Config>,
}

/// A picture to keep.
pub(super) struct Job {
    pub frame: Frame,
    pub name: Name,
    pub limits: Limits,
    /// The place in [`Form::seen`].
    pub place: usize,
    pub form: Option<Form>,
}

/// What became of a job, with the place of its copy.
pub(super) struct Done {
    pub frame: Frame,
    pub made: Result<(), String>,
}

/// What the thread works with.
pub(super) struct Keeper {
    form: Form,
    /// The place that the encoder is for.
    place: usize,
    encoder: Encoder,
}

impl Keeper {
    /// One that makes pictures as `form` has it, of the region at `place` first.
    pub fn new(form: &Form, place: usize) -> Self {
        let whole = vision::Config::default();
        let seen = form.seen.get(place).unwrap_or(&whole);
        Self {
            form: form.clone(),
            place,
            encoder: Encoder::new(form.bounds, Thumbnailer::as_sent(seen)),
        }
    }

    /// Starts the thread: what it is sent, and what it answers.
    ///
    /// # Errors
    /// The system refuses the thread.
    pub fn start(mut self) -> io::Result<(SyncSender<Job>, Receiver<Done>)> {
        threads::serve("review", move |job: Job| {
            let made = self.keep(&job);
            Done {
                frame: job.frame,
                made,
            }
        })
    }

    /// Encodes and writes the picture of `job`.
    fn keep(&mut self, job: &Job) -> Result<(), String> {
        if job.form.is_some() || job.place != self.place {
            let form = job.form.as_ref().unwrap_or(&self.form);
            *self = Self::new(form, job.place);
        }
        let start = Instant::now();
        let seq = job.frame.seq;
        let picture = self.encoder.encode(job.frame.view());
        let picture = picture.map_err(|error| format!("frame {seq}: {error}"))?;
        let folder = &self.form.folder;
        if folder::make(folder).map_err(|error| error.to_string())? {
            log::info!("{}: made this folder for review", folder.display());
        }
        folder::keep(folder, &job.name, &picture.jpeg, job.limits)
            .map_err(|error| error.to_string())?;
        log::debug!(
            "frame {seq}: kept {} of {} bytes in {:.1} ms",
            job.name,
            picture.jpeg.len(),
            start.elapsed().as_secs_f64() * 1e3
        );
        Ok(())
    }
}
