//! The frames of one open camera: the newest valid one wins, all others are counted.

use std::io;
use std::time::Duration;

use super::judge::{Judge, Verdict};
use super::open::OpenCamera;
use super::room::Plan;
use super::stream::{Filled, Stream};
use super::system::System;
use crate::frame::{Error, Frame, PixelFormat, jpeg};
use crate::source::{FrameCounters, Mode};

/// The longest pause after wake-ups without a frame.
const LONGEST_PAUSE: Duration = Duration::from_millis(32);

/// One opened camera.
pub struct Session {
    stream: Stream,
    mode: Mode,
    plan: Plan,
    judge: Judge,
    to_skip: u32,
    /// Least time from frame to frame, if the camera is faster than requested.
    pace: Option<Duration>,
    due: Duration,
}

/// A complete and new frame in a buffer of the driver.
struct Valid {
    filled: Filled,
    verdict: Verdict,
}

impl Session {
    /// Begins to read an open camera.
    pub fn new(
        opened: OpenCamera,
        skip: u32,
        timeout: Duration,
        fps: f64,
        now: Duration,
        counters: &FrameCounters,
    ) -> Self {
        let (stream, mode, plan) = (opened.stream, opened.mode, opened.plan);
        // If the camera keeps the requested rate, jitter must not cost every second frame.
        let faster = mode.fps == 0.0 || mode.fps > fps * 1.1;
        let slowest = Duration::try_from_secs_f64(2.5 / mode.fps).unwrap_or(timeout);
        let timeout = timeout.max(slowest.min(Duration::from_secs(600)));
        let raw = (mode.format != PixelFormat::Jpeg).then(|| {
            let bytes = mode.format.bytes(mode.width, mode.height, mode.stride);
            bytes.unwrap_or(mode.size_image)
        });
        Self {
            judge: Judge::new(raw, plan.limit, timeout, now, counters),
            to_skip: skip,
            pace: faster
                .then(|| Duration::try_from_secs_f64(1.0 / fps).ok())
                .flatten(),
            due: Duration::ZERO,
            stream,
            mode,
            plan,
        }
    }

    /// Waits at most `time` for frames and fills `frame`, which has nothing on loan, with the
    /// newest valid one and its number in the count `seq`. Returns the capture time by the system's
    /// clock.
    ///
    /// # Errors
    /// The system's; the session is over then.
    pub fn read(
        &mut self,
        system: &dyn System,
        frame: &mut Frame,
        seq: &mut u64,
        counters: &mut FrameCounters,
        time: Duration,
    ) -> io::Result<Option<Duration>> {
        let deadline = system.now() + time;
        let mut pause = Duration::from_millis(1);
        loop {
            let left = deadline.saturating_sub(system.now());
            if left.is_zero() {
                return Ok(None);
            }
            if self.stream.starved() {
                // The driver is silent because it has no buffer to fill.
                self.judge.excuse(system.now());
            }
            let before = *seq;
            let newest = if self.stream.wait(left)? {
                self.newest(system, seq, counters)?
            } else {
                None
            };
            if let Some(valid) = newest {
                let captured = valid.verdict.captured;
                if !self.pass(captured, counters) {
                    self.judge.accept(system.now(), counters);
                    self.stream.give_back(valid.filled)?;
                } else if self.hand_over(valid, frame, counters)? {
                    self.judge.accept(system.now(), counters);
                    counters.delivered += 1;
                    frame.seq = seq.saturating_sub(1);
                    return Ok(Some(captured));
                }
            } else if *seq == before && system.now() < deadline {
                // A signal, or a driver that wakes the process for nothing. Without a pause, a
                // storm of them would take a whole core.
                counters.spurious += 1;
                system.pause(pause.min(deadline.saturating_sub(system.now())));
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }

    /// Takes the frames that are ready, counts them in `seq`, requeues all but the newest valid
    /// one, and returns that one.
    fn newest(
        &mut self,
        system: &dyn System,
        seq: &mut u64,
        counters: &mut FrameCounters,
    ) -> io::Result<Option<Valid>> {
        let mut newest = None;
        let ended = self.gather(&mut newest, system, seq, counters);
        if ended.is_err() && newest.is_some() {
            counters.bad.add("lost");
        }
        ended.map(|()| newest)
    }

    /// The same into `newest`, which holds the last valid one after an error too.
    fn gather(
        &mut self,
        newest: &mut Option<Valid>,
        system: &dyn System,
        seq: &mut u64,
        counters: &mut FrameCounters,
    ) -> io::Result<()> {
        // At most one round of all buffers: a fast camera must not hold up the loop.
        for _ in 0..self.stream.buffers() {
            let Some(filled) = self.stream.take()? else {
                break;
            };
            *seq += self.judge.count(&filled, counters);
            let stream = &self.stream;
            let length = || stream.jpeg_length(&filled);
            let verdict = self.judge.judge(&filled, length, system.now(), counters);
            let Some(verdict) = verdict else {
                self.stream.give_back(filled)?;
                continue;
            };
            if let Some(old) = newest.replace(Valid { filled, verdict }) {
                counters.replaced += 1;
                self.stream.give_back(old.filled)?;
            }
        }
        Ok(())
    }

    /// If no valid frame came for too long, the bad ones that came instead, in words; empty if none
    /// came.
    pub fn overdue(&mut self, now: Duration, counters: &FrameCounters) -> Option<String> {
        self.judge.overdue(now, counters)
    }

    /// Once, why the last frame that cost too much was refused.
    pub fn refused(&mut self) -> Option<Error> {
        self.judge.refused.take()
    }

    /// The longest silence that is not a loss.
    pub fn timeout(&self) -> Duration {
        self.judge.timeout()
    }

    /// The mode that the driver gave.
    pub fn mode(&self) -> &Mode {
        &self.mode
    }

    /// Number and total bytes of the driver's buffers.
    pub fn buffers(&self) -> (usize, usize) {
        (self.stream.buffers(), self.stream.mapped())
    }

    /// Whether to pass a valid frame on.
    fn pass(&mut self, captured: Duration, counters: &mut FrameCounters) -> bool {
        if self.to_skip > 0 {
            self.to_skip -= 1;
            counters.skipped += 1;
            return false;
        }
        if let Some(pace) = self.pace {
            if captured < self.due {
                counters.beyond_rate += 1;
                return false;
            }
            self.due = self.due.max(captured.saturating_sub(pace)) + pace;
        }
        true
    }

    /// Puts the picture into `frame` and returns whether it is there: a raw one as a loan of the
    /// driver's buffer, where that may be lent, else as a copy, and its buffer is requeued. A JPEG
    /// is always copied: it is small, and bytes that a decoder has checked must not change
    /// afterwards. So what counts is the copy, which is judged here.
    fn hand_over(
        &mut self,
        valid: Valid,
        frame: &mut Frame,
        counters: &mut FrameCounters,
    ) -> io::Result<bool> {
        let (filled, bytes) = (valid.filled, valid.verdict.bytes);
        let Plan { lends, limit, .. } = self.plan;
        frame.format = self.mode.format;
        frame.width = self.mode.width;
        frame.height = self.mode.height;
        frame.stride = self.mode.stride;
        frame.colour = self.mode.colour;
        frame.limit = limit;
        frame.name.clear();
        let jpeg = self.mode.format == PixelFormat::Jpeg;
        if lends && !jpeg && self.stream.buffers() > 1 {
            frame.data.borrow(self.stream.lend(filled, bytes));
            return Ok(true);
        }
        // Allocates once, for the largest picture.
        let own = frame.data.cleared(if jpeg { limit.bytes } else { bytes });
        own.resize(bytes, 0);
        let copied = self.stream.copy(&filled, own);
        if let Err(error) = self.stream.give_back(filled) {
            counters.bad.add("lost");
            return Err(error);
        }
        if copied < bytes {
            counters.bad.add("short");
            return Ok(false);
        }
        if !jpeg {
            return Ok(true);
        }
        if jpeg::length(own) != Some(bytes) {
            counters.bad.add("truncated");
            return Ok(false);
        }
        match jpeg::admit(own, limit) {
            Ok(()) => Ok(true),
            Err(error) => {
                self.judge.refuse(error, counters);
                Ok(false)
            }
        }
    }
}
