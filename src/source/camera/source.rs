//! The camera as a source: it opens, reads and, whenever it is lost, opens the device again.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::closer::Closer;
use super::config::Config;
use super::devices;
use super::kernel::Linux;
use super::loss;
use super::open::open;
use super::room::Room;
use super::session::Session;
use super::system::System;
use crate::frame::{Captured, Frame};
use crate::meter::Tally;
use crate::source::{Cause, Error, Footprint, Loss, Monitor, Next, Source, SourceState, Status};

/// The longest that one call of [`Source::next`] waits for a frame.
const SLICE: Duration = Duration::from_millis(250);
/// The pause before the first new attempt; each further one is twice as long.
const FIRST_RETRY: Duration = Duration::from_millis(500);
/// The longest pause before a new attempt.
const LONGEST_RETRY: Duration = Duration::from_secs(10);

/// The least time from one line about a frame that cost too much to the next.
const QUIET: Duration = Duration::from_secs(60);

enum Phase {
    /// Closed, until it is time for the next attempt.
    Waiting {
        until: Duration,
    },
    Open(Box<Session>),
}

/// A V4L2 camera. It is a source without an end: [`Camera::status`] reports a loss, and the camera
/// is opened again.
pub struct Camera {
    config: Config,
    system: Arc<dyn System>,
    begun: Instant,
    start: Duration,
    phase: Phase,
    status: Status,
    /// Whether more of the status than its counters has changed.
    changed: bool,
    monitor: Monitor,
    seq: u64,
    retry: Duration,
    closer: Closer,
    /// Whether copies of raw frames were counted when the memory was admitted.
    counts_copies: bool,
    /// When the log last had a line about a frame that cost too much.
    warned: Option<Duration>,
}

impl Camera {
    /// A camera that is opened at the first call of [`Source::next`].
    pub fn new(config: Config) -> Self {
        Self::on(Arc::new(Linux), config)
    }

    pub(super) fn on(system: Arc<dyn System>, config: Config) -> Self {
        let start = system.now();
        let status = Status::new();
        Self {
            monitor: Monitor::new(&status),
            status,
            config,
            system,
            begun: Instant::now(),
            start,
            phase: Phase::Waiting { until: start },
            changed: false,
            seq: 0,
            retry: FIRST_RETRY,
            closer: Closer::default(),
            counts_copies: false,
            warned: None,
        }
    }

    /// The memory that the requested pictures take, by the driver of the camera that is there now.
    pub(in crate::source) fn footprint(&mut self) -> Footprint {
        self.counts_copies = devices::copies(&*self.system, &self.config.device);
        self.config.footprint(self.counts_copies)
    }

    /// The state of the camera now.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// The status, for other threads.
    pub(crate) fn monitor(&self) -> Monitor {
        self.monitor.clone()
    }

    /// The moment from which [`Captured::elapsed`] counts: a frame's age is `begun().elapsed() -
    /// elapsed`.
    pub(crate) fn begun(&self) -> Instant {
        self.begun
    }

    fn now(&self) -> Captured {
        Captured {
            elapsed: self.system.now().saturating_sub(self.start),
            wall: SystemTime::now(),
        }
    }

    fn attempt(&mut self) -> Result<(), Loss> {
        // The budget may be another one since the last attempt.
        let counted = self.config.footprint(self.counts_copies);
        let room = Room::new(counted, self.monitor.spare());
        let opened = open(&*self.system, &self.config, &room)?;
        self.changed = true;
        self.status.opens += 1;
        self.status.device = Some(opened.path.display().to_string());
        self.status.card = Some(opened.card.clone());
        if opened.remarks != self.status.remarks {
            for remark in &opened.remarks {
                log::warn!("{}: {remark}", opened.path.display());
            }
            self.status.remarks.clone_from(&opened.remarks);
        }
        let session = Session::new(
            opened,
            self.config.skip,
            self.config.timeout(),
            self.config.fps,
            self.system.now(),
            &self.status.counters,
        );
        (self.status.buffers, self.status.buffer_bytes) = session.buffers();
        self.status.mode = Some(session.mode().clone());
        self.phase = Phase::Open(Box::new(session));
        Ok(())
    }

    fn lose(&mut self, loss: Loss) {
        let was_open = std::mem::replace(
            &mut self.phase,
            Phase::Waiting {
                until: self.system.now() + self.retry,
            },
        );
        if let Phase::Open(session) = was_open {
            self.closer.close(session);
        }
        (self.status.buffers, self.status.buffer_bytes) = (0, 0);
        self.retry = (self.retry * 2).min(LONGEST_RETRY);
        self.tell(loss);
    }

    fn tell(&mut self, loss: Loss) {
        self.changed = true;
        let now = self.now();
        self.status.lose(loss, now);
    }

    fn streams(&mut self) {
        self.retry = FIRST_RETRY;
        if self.status.state == SourceState::Streaming {
            return;
        }
        self.changed = true;
        self.status.state = SourceState::Streaming;
        self.status.loss = None;
        self.status.since = self.now();
        if let (Some(mode), Some(device)) = (&self.status.mode, &self.status.device) {
            log::info!(
                "camera streaming: {} on {device}, {} {}x{} at {:.1} frames a second",
                self.status.card.as_deref().unwrap_or_default(),
                mode.fourcc,
                mode.width,
                mode.height,
                mode.fps
            );
        }
    }

    /// Waits for the next attempt, and returns whether it is time for it.
    fn wait(&mut self, until: Duration) -> bool {
        let left = until.saturating_sub(self.system.now());
        if !left.is_zero() {
            self.system.pause(left.min(SLICE));
            return false;
        }
        if self.closer.is_done() {
            return true;
        }
        let device = self.status.device.clone().unwrap_or_default();
        self.tell(Loss::new(
            Cause::Stopping,
            format!("{device}: the driver does not let go of the device; unplug it, or restart the computer"),
        ));
        self.system.pause(SLICE);
        false
    }

    fn step(&mut self, frame: &mut Frame) -> Next {
        // The buffer that the last frame had on loan, if nobody returned it.
        frame.data.give_back();
        if let Phase::Waiting { until } = self.phase {
            if !self.wait(until) {
                return Next::Idle;
            }
            if let Err(loss) = self.attempt() {
                self.lose(loss);
                return Next::Idle;
            }
        }
        if let Some(loss) = self.monitor.reopens() {
            self.lose(loss);
            return Next::Idle;
        }
        match self.read(frame) {
            Ok(true) => {
                self.streams();
                return Next::Frame;
            }
            Ok(false) => {}
            Err(loss) => self.lose(loss),
        }
        Next::Idle
    }

    fn read(&mut self, frame: &mut Frame) -> Result<bool, Loss> {
        let Phase::Open(session) = &mut self.phase else {
            return Ok(false);
        };
        let path = std::path::Path::new(self.status.device.as_deref().unwrap_or_default());
        let counters = &mut self.status.counters;
        let captured = session
            .read(&*self.system, frame, &mut self.seq, counters, SLICE)
            .map_err(|e| loss::from_system(&*self.system, path, "reading a frame", &e))?;
        let refused = session.refused();
        if let Some(error) = refused
            && self
                .warned
                .is_none_or(|at| self.system.now().saturating_sub(at) > QUIET)
        {
            self.warned = Some(self.system.now());
            let (at, cause) = (path.display(), error.cause());
            log::warn!(
                "{at}: {error}; dropped, {} {cause} so far",
                counters.bad.of(cause)
            );
        }
        if let Some(captured) = captured {
            let age = self.system.now().saturating_sub(captured);
            let wall = SystemTime::now();
            frame.captured = Captured {
                elapsed: captured.saturating_sub(self.start),
                wall: wall.checked_sub(age).unwrap_or(wall),
            };
            return Ok(true);
        }
        let Some(instead) = session.overdue(self.system.now(), counters) else {
            return Ok(false);
        };
        Err(loss::from_silence(path, session.timeout(), &instead))
    }
}

impl Source for Camera {
    fn next(&mut self, frame: &mut Frame) -> Result<Next, Error> {
        let next = self.step(frame);
        self.monitor
            .tell(&self.status, std::mem::take(&mut self.changed));
        Ok(next)
    }

    fn passed_over(&self) -> &Tally {
        &self.status.counters.bad
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        let phase = std::mem::replace(
            &mut self.phase,
            Phase::Waiting {
                until: Duration::MAX,
            },
        );
        if let Phase::Open(session) = phase {
            self.closer.close(session);
        }
    }
}
