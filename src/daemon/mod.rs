//! The daemon: one thread captures, one looks and speaks.
//!
//! ```text
//! capture thread: source ──► frame slot (the newest waits, older ones are dropped and counted)
//! main thread:    slot ──► pipeline ──► publisher's queue          (a thread of its own talks to the broker)
//! ```

mod capture;
pub mod health;
mod look;
pub mod reload;
pub mod watchdog;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread;
use std::time::{Duration, Instant};

use self::capture::Capture;
use self::health::Health;
use self::look::Look;
use crate::daemon::reload::Reloader;
use crate::frame::{PictureState, Slot};
use crate::memory::Guard;
use crate::meter::Tally;
use crate::pipeline::pace::Pace;
use crate::pipeline::{self, Pipeline};
use crate::publish::Publisher;
use crate::signals::Stop;
use crate::source::{self, Opened};

/// How long closing may take in all is two seconds; the broker gets most of it.
const GOODBYE: Duration = Duration::from_millis(1500);

/// All that a daemon is made of.
pub struct Daemon {
    /// Where frames come from.
    pub source: Opened,
    /// From frame to what is said.
    pub pipeline: Pipeline,
    /// The broker, if there is to be one.
    pub publisher: Option<Publisher>,
    /// How often the daemon says how it is.
    pub health: health::Config,
    /// The watch over its memory.
    pub guard: Guard,
    /// Another model, when it is asked for.
    pub reloader: Reloader,
}

/// What a daemon has done when it ends.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Frames looked at, those that were no picture among them.
    pub seen: u64,
    /// Frames classified.
    pub frames: u64,
    /// Frames that the gate passed by, because nothing moved.
    pub still: u64,
    /// Frames that a newer one replaced before they were looked at.
    pub replaced: u64,
    /// Frames that were no picture, by cause.
    pub passed_over: Tally,
    /// Changes that were said.
    pub changes: u64,
    /// Messages that the full queue dropped.
    pub unsent: u64,
}

/// Why a daemon ended before it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The source failed for good.
    #[error(transparent)]
    Source(#[from] source::Error),
    /// A stage failed for good.
    #[error(transparent)]
    Pipeline(#[from] pipeline::Error),
    /// The capture thread could not be started or has panicked.
    #[error("the capture thread {0}")]
    Thread(String),
}

impl Daemon {
    /// Runs until `stop` or the source's end, then says goodbye to the broker.
    ///
    /// # Errors
    /// What cannot be mended by going on; the goodbye is said all the same.
    pub fn run(mut self, stop: &Stop) -> Result<Counts, Error> {
        let slot = Arc::new(Slot::new());
        let captured = Arc::new(AtomicU64::new(0));
        let Opened {
            source,
            paced,
            begun,
            camera,
            ..
        } = self.source;
        let pace = Pace::from(begun.unwrap_or_else(Instant::now));
        let capture = Capture {
            source,
            pace: paced.then_some(pace),
            slot: Arc::clone(&slot),
            captured: Arc::clone(&captured),
            stop: stop.clone(),
            camera: camera.clone(),
        };
        let capture = thread::Builder::new()
            .name("capture".into())
            .spawn(move || capture.run())
            .map_err(|e| Error::Thread(format!("could not be started: {e}")))?;
        let mut counts = Counts::default();
        let looked = Look {
            pipeline: &mut self.pipeline,
            guard: &mut self.guard,
            reloader: &self.reloader,
            publisher: self.publisher.as_ref(),
            camera: &camera,
            slot: &slot,
            captured: &captured,
            pace,
            health: Health::new(&self.health),
            counts: &mut counts,
            picture: PictureState::Ok,
        }
        .run(stop);
        stop.ask();
        let ended = capture
            .join()
            .map_err(|_| Error::Thread("panicked; this is a bug".into()));
        counts.replaced = slot.dropped();
        if let Some(publisher) = self.publisher {
            counts.unsent = publisher.counts().dropped;
            publisher.close(GOODBYE);
        }
        looked?;
        counts.passed_over.add_all(&ended??);
        Ok(counts)
    }
}
