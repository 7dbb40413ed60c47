//! The daemon: one thread captures, one looks and speaks.
//!
//! ```text
//! capture thread: source ──► frame slot (the newest waits, older ones are dropped and counted)
//! main thread:    slot ──► pipeline ──► publisher's queue          (a thread of its own talks to the broker)
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::frame::{Frame, Slot, Taken};
use crate::observe::Say;
use crate::publish::{CameraState, Payload, Publisher};
use crate::service::pipeline::{self, Pipeline};
use crate::service::signals::Stop;
use crate::service::watchdog::Watchdog;
use crate::source::camera::Monitor;
use crate::source::{self, Next, Source};

/// How often the main thread looks up from an empty slot.
const LOOK_UP: Duration = Duration::from_millis(200);
/// How long closing may take in all is two seconds; the broker gets most of it.
const GOODBYE: Duration = Duration::from_millis(1500);

/// All that a daemon is made of.
pub struct Daemon {
    /// Where frames come from.
    pub source: Box<dyn Source>,
    /// Whether the source must be held to its own clock, as a recording must and a camera need not.
    pub paced: bool,
    /// How the camera is, if it is one.
    pub camera: Option<Monitor>,
    /// From frame to what is said.
    pub pipeline: Pipeline,
    /// The broker, if there is to be one.
    pub publisher: Option<Publisher>,
}

/// What a daemon has done when it ends.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Frames classified.
    pub frames: u64,
    /// Frames that a newer one replaced before they were looked at.
    pub replaced: u64,
    /// Frames that were no picture, by cause.
    pub passed_over: BTreeMap<&'static str, u64>,
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
        let capture = {
            let (slot, captured, stop) = (Arc::clone(&slot), Arc::clone(&captured), stop.clone());
            let (source, paced) = (self.source, self.paced);
            thread::Builder::new()
                .name("capture".into())
                .spawn(move || {
                    let done = capture(source, paced, &slot, &captured, &stop);
                    slot.close();
                    done
                })
                .map_err(|e| Error::Thread(format!("could not be started: {e}")))?
        };
        let mut counts = Counts::default();
        let looked = look(
            &mut self.pipeline,
            self.publisher.as_ref(),
            self.camera.as_ref(),
            &slot,
            &captured,
            stop,
            &mut counts,
        );
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
        for (cause, n) in ended??.iter() {
            *counts.passed_over.entry(cause).or_default() += n;
        }
        Ok(counts)
    }
}

/// The capture thread: from the source into the slot, at the source's pace. Gives what the source passed over.
fn capture(
    mut source: Box<dyn Source>,
    paced: bool,
    slot: &Slot,
    captured: &AtomicU64,
    stop: &Stop,
) -> Result<source::Counts, source::Error> {
    let begun = Instant::now();
    let mut frame = Frame::empty();
    while !stop.asked() {
        let next = source.next(&mut frame)?;
        captured.fetch_add(1, Ordering::Relaxed);
        match next {
            Next::Frame => {
                if paced {
                    let due = begun + frame.captured.elapsed;
                    while let left @ 1.. = due.saturating_duration_since(Instant::now()).as_millis()
                    {
                        if stop.asked() {
                            break;
                        }
                        thread::sleep(Duration::from_millis(left.min(100) as u64));
                        captured.fetch_add(1, Ordering::Relaxed);
                    }
                }
                slot.put(&mut frame);
            }
            Next::Idle => {}
            Next::End => break,
        }
    }
    Ok(source.passed_over().clone())
}

/// The main thread: from the slot to the publisher, until the slot is closed or the end is asked for.
fn look(
    pipeline: &mut Pipeline,
    publisher: Option<&Publisher>,
    camera: Option<&Monitor>,
    slot: &Slot,
    captured: &AtomicU64,
    stop: &Stop,
    counts: &mut Counts,
) -> Result<(), Error> {
    let hash = pipeline.engine().model_hash.clone();
    let mut watchdog = Watchdog::start();
    let mut frame = Frame::empty();
    let mut camera_seen = 0;
    let mut warned = Instant::now().checked_sub(WARN_EVERY);
    while !stop.asked() {
        watchdog.feed(captured.load(Ordering::Relaxed));
        if let (Some(publisher), Some(camera)) = (publisher, camera)
            && let Some(status) = camera.change(&mut camera_seen)
        {
            publisher.say(&Payload::Camera(CameraState::new(&status)));
        }
        match slot.take(&mut frame, LOOK_UP) {
            Taken::Frame => {}
            Taken::Nothing => continue,
            Taken::Closed => break,
        }
        let seen = match pipeline.step(&frame) {
            Ok(seen) => seen,
            Err(pipeline::Error::Frame(e)) => {
                *counts.passed_over.entry(e.cause()).or_default() += 1;
                if warned.is_none_or(|at| at.elapsed() >= WARN_EVERY) {
                    warned = Some(Instant::now());
                    log::warn!(
                        "frame {} {}: {e}; passed over, {} so far",
                        frame.seq,
                        frame.name,
                        passed(counts)
                    );
                }
                continue;
            }
            Err(e) => return Err(e.into()),
        };
        counts.frames += 1;
        let Some(say) = seen.say else { continue };
        if let Say::Change { statement, .. } = &say {
            counts.changes += 1;
            log::info!("{} {:.2}", statement.label, statement.score);
        }
        if let Some(publisher) = publisher {
            let start = Instant::now();
            publisher.report(&say, &hash);
            pipeline.stages.publish.add(start.elapsed());
        }
    }
    Ok(())
}

/// Corrupt frames come in swarms: one line in so much time.
const WARN_EVERY: Duration = Duration::from_secs(10);

fn passed(counts: &Counts) -> u64 {
    counts.passed_over.values().sum()
}
