//! The frames of one open camera: the newest valid one wins, all others are counted.

use std::io;
use std::time::Duration;

use super::judge::{Judge, Verdict};
use super::open::OpenCamera;
use super::stream::{Filled, Stream};
use super::system::System;
use crate::frame::{Frame, PixelFormat};
use crate::source::{FrameCounters, Mode};

/// The longest pause after wake-ups without a frame.
const LONGEST_PAUSE: Duration = Duration::from_millis(32);

/// One opened camera.
pub struct Session {
    stream: Stream,
    mode: Mode,
    /// Bytes of the largest frame.
    capacity: usize,
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
        let (stream, mode) = (opened.stream, opened.mode);
        // If the camera keeps the requested rate, jitter must not cost every second frame.
        let faster = mode.fps == 0.0 || mode.fps > fps * 1.1;
        let slowest = Duration::try_from_secs_f64(2.5 / mode.fps).unwrap_or(timeout);
        let timeout = timeout.max(slowest.min(Duration::from_secs(600)));
        let raw = (mode.format != PixelFormat::Jpeg).then(|| {
            let bytes = mode.format.bytes(mode.width, mode.height, mode.stride);
            bytes.unwrap_or(mode.size_image)
        });
        Self {
            capacity: raw.unwrap_or(stream.mapped() / stream.buffers().max(1)),
            judge: Judge::new(raw, timeout, now, counters),
            to_skip: skip,
            pace: faster
                .then(|| Duration::try_from_secs_f64(1.0 / fps).ok())
                .flatten(),
            due: Duration::ZERO,
            stream,
            mode,
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
                if self.pass(captured, counters) {
                    self.hand_over(valid, frame)?;
                    frame.seq = seq.saturating_sub(1);
                    return Ok(Some(captured));
                }
                self.stream.give_back(valid.filled)?;
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
        let mut newest: Option<Valid> = None;
        // At most one round of all buffers: a fast camera must not hold up the loop.
        for _ in 0..self.stream.buffers() {
            let Some(filled) = self.stream.take()? else {
                break;
            };
            *seq += self.judge.count(&filled, counters);
            let data = self.stream.bytes(&filled);
            let Some(verdict) = self.judge.judge(&filled, data, system.now(), counters) else {
                self.stream.give_back(filled)?;
                continue;
            };
            if let Some(old) = newest.replace(Valid { filled, verdict }) {
                counters.replaced += 1;
                self.stream.give_back(old.filled)?;
            }
        }
        Ok(newest)
    }

    /// If no valid frame came for too long, the bad ones that came instead, in words; empty if none
    /// came.
    pub fn overdue(&mut self, now: Duration, counters: &FrameCounters) -> Option<String> {
        self.judge.overdue(now, counters)
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
        counters.delivered += 1;
        true
    }

    /// Puts the picture into `frame`: a raw one as a loan of the driver's buffer, a JPEG as a copy,
    /// and its buffer is requeued. A JPEG is small, and bytes that a decoder has checked must not
    /// change afterwards, whatever the driver does. If there is only one buffer, a waiting frame
    /// would block newer ones, so a raw picture is copied too.
    fn hand_over(&mut self, valid: Valid, frame: &mut Frame) -> io::Result<()> {
        let (filled, bytes) = (valid.filled, valid.verdict.bytes);
        frame.format = self.mode.format;
        frame.width = self.mode.width;
        frame.height = self.mode.height;
        frame.stride = self.mode.stride;
        frame.colour = self.mode.colour;
        frame.name.clear();
        if self.mode.format != PixelFormat::Jpeg && self.stream.buffers() > 1 {
            frame.data.borrow(self.stream.lend(filled, bytes));
            return Ok(());
        }
        let (own, all) = (frame.data.own(), self.stream.bytes(&filled));
        own.clear();
        // Allocates once, for the largest picture.
        own.reserve_exact(self.capacity.max(bytes));
        own.extend_from_slice(&all[..bytes.min(all.len())]);
        self.stream.give_back(filled)
    }
}
