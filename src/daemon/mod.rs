//! The daemon: one thread captures, one classifies and publishes.
//!
//! ```text
//! capture thread: source ──► frame slot (keeps the newest frame, counts the ones it replaces)
//! main thread:    slot ──► pipeline ──► publisher's queue   (the MQTT thread empties it)
//! ```

mod capture;
mod commands;
mod health;
mod incoming;
mod kept;
mod lesson_answer;
mod lesson_head;
mod lesson_queue;
mod lesson_rules;
mod main_loop;
mod numbers;
mod overrides;
mod regions;
mod reload;
mod reopening;
mod settings;
mod sight;
mod status_line;
mod teaching;
#[cfg(test)]
mod tests;
mod watchdog;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::capture::Capture;
use self::commands::Commands;
use self::health::Collector;
use self::main_loop::MainLoop;
use self::numbers::Numbers;
use crate::frame::Slot;
use crate::lessons::Lessons;
use crate::memory::Guard;
use crate::meter::Progress;
use crate::metrics::Textfile;
use crate::pipeline::{self, Pace, Pipeline, Reviewing, Totals, Watching};
use crate::publish::Publisher;
use crate::review::Reviews;
use crate::signals::{Request, Stop};
use crate::snapshot::Snapshots;
use crate::source::{self, Opened};
use crate::threads::{self, End};
use crate::vision;

pub(crate) use health::{Config as HealthConfig, sample};
pub use kept::Keeper;
pub use reload::{Reloader, Reread};
pub use settings::Settings;
pub(crate) use watchdog::{patience, stopping};

/// How long the publisher may take to send `offline`. A stop takes at most two seconds in all.
const GOODBYE: Duration = Duration::from_millis(1500);

/// The parts of a daemon.
pub struct Daemon {
    /// Where frames come from.
    pub source: Opened,
    /// From a frame to the published state.
    pub pipeline: Pipeline,
    /// The connection to the broker; `None` with `mqtt.enabled = false`.
    pub publisher: Option<Publisher>,
    /// Takes pictures of events; `None` with `snapshot.enabled = false`.
    pub snapshots: Option<Snapshots>,
    /// Keeps pictures for review; `None` without `review.folder`.
    pub reviews: Option<Reviews>,
    /// The watch over the daemon's memory.
    pub guard: Guard,
    /// Takes over another configuration and another model at SIGHUP.
    pub reloader: Reloader,
    /// Asks for a report in the log, at SIGUSR1.
    pub report: Request,
    /// The file for Prometheus, if one is configured.
    pub textfile: Option<Textfile>,
    /// What is taught; `None` with `teach.enabled = false`.
    pub lessons: Option<Lessons>,
    /// How pictures of lessons are seen; `None` where none are kept.
    pub lesson_pictures: Option<vision::Config>,
    /// Keeps what commands set over restarts, if that is configured.
    pub keeper: Option<Keeper>,
    /// Counts the turns of the threads.
    pub progress: Arc<Progress>,
    /// Shows what passes on a terminal; `None` without `--watch`.
    pub watching: Option<Watching>,
}

/// The counts of a daemon that ended.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Frames that reached the pipeline.
    pub totals: Totals,
    /// Frames that a newer one replaced in the slot.
    pub replaced: u64,
    /// Messages that the full queue dropped.
    pub(crate) unsent: u64,
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
    /// The system refused the capture thread.
    #[error("cannot start the capture thread: {0}")]
    Thread(io::Error),
    /// The capture thread panicked.
    #[error("the capture thread panicked, which is a bug: please report it with the log")]
    Panicked,
}

impl Daemon {
    /// Runs until `stop` is requested or the source ends. In every case the publisher then sends
    /// what it can, and `offline`.
    ///
    /// # Errors
    /// Trouble that going on would not mend.
    pub fn run(mut self, stop: &Stop) -> Result<Summary, Error> {
        let publisher = self.publisher.take();
        let ended = self.run_threads(publisher.as_ref(), stop);
        let unsent = publisher.map_or(0, |publisher| {
            publisher.close(GOODBYE);
            publisher.counts().unsent()
        });
        let (totals, replaced) = ended?;
        Ok(Summary {
            totals,
            replaced,
            unsent,
        })
    }

    /// Captures in a thread of its own and runs the main loop in this one. Returns the totals, and
    /// how many frames a newer one replaced.
    fn run_threads(
        self,
        publisher: Option<&Publisher>,
        stop: &Stop,
    ) -> Result<(Totals, u64), Error> {
        let Self {
            source:
                Opened {
                    source,
                    paced,
                    begun,
                    camera: monitor,
                    ..
                },
            mut pipeline,
            mut guard,
            mut reloader,
            report,
            textfile,
            keeper,
            progress,
            snapshots,
            reviews,
            lessons,
            lesson_pictures,
            watching,
            ..
        } = self;
        let slot = Arc::new(Slot::new());
        let pace = Pace::from(begun.unwrap_or_else(Instant::now));
        let capture = Capture {
            source,
            pace: paced.then_some(pace),
            slot: Arc::clone(&slot),
            progress: Arc::clone(&progress),
            stop: stop.clone(),
            monitor: monitor.clone(),
        };
        let capture = threads::spawn("capture", None, move || End::Told(capture.run()))
            .map_err(Error::Thread)?;
        let mut totals = Totals::default();
        let numbers = Numbers {
            publisher,
            monitor: &monitor,
            slot: &slot,
            health: Collector::new(&reloader.settings.health),
            textfile,
            totals: &mut totals,
            snapshots_missed: 0,
            reviews_missed: 0,
        };
        let commands = Commands::new(keeper, &mut reloader, &mut pipeline);
        let looped = MainLoop {
            pipeline: &mut pipeline,
            guard: &mut guard,
            reloader: &mut reloader,
            commands,
            publisher,
            monitor: &monitor,
            slot: &slot,
            progress: &progress,
            pace,
            numbers,
            report: &report,
            snapshots,
            lessons,
            lesson_pictures,
            reviewing: reviews.map(Reviewing::new),
            watching,
        }
        .run(stop);
        stop.request();
        let captured = capture.join().map_err(|_| Error::Panicked);
        looped?;
        totals.bad.add_all(&captured??);
        slot.clear();
        Ok((totals, slot.dropped()))
    }
}
