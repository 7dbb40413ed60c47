//! The frames of one open camera: the newest valid one wins, all others are counted.

use std::io;
use std::time::Duration;

use super::open::OpenCamera;
use super::stream::{Filled, Stream};
use super::system::System;
use crate::frame::{Frame, PixelFormat, jpeg};
use crate::meter::Tally;
use crate::source::{FrameCounters, Mode};

/// A timestamp further in the future is not by the system's clock.
const AHEAD: Duration = Duration::from_secs(1);
/// A larger jump of the driver's count is a restart, not a loss of frames.
const MOST_MISSED: u32 = 1000;
/// The longest pause after wake-ups without a frame.
const LONGEST_PAUSE: Duration = Duration::from_millis(32);

/// One opened camera.
pub struct Session {
    stream: Stream,
    mode: Mode,
    /// Bytes of the largest frame.
    capacity: usize,
    to_skip: u32,
    timeout: Duration,
    /// Least time from frame to frame, if the camera is faster than requested.
    pace: Option<Duration>,
    due: Duration,
    last: Option<(u32, Option<Duration>)>,
    /// When the last valid frame came, or the camera was opened.
    alive: Duration,
    bad_then: Tally,
    clock_is_ours: bool,
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
        Self {
            capacity: match mode.format {
                PixelFormat::Jpeg => stream.mapped() / stream.buffers().max(1),
                format => {
                    let bytes = format.bytes(mode.width, mode.height, mode.stride);
                    bytes.unwrap_or(mode.size_image)
                }
            },
            to_skip: skip,
            timeout: timeout.max(slowest.min(Duration::from_secs(600))),
            pace: faster
                .then(|| Duration::try_from_secs_f64(1.0 / fps).ok())
                .flatten(),
            due: Duration::ZERO,
            last: None,
            alive: now,
            bad_then: counters.bad.clone(),
            clock_is_ours: true,
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
                self.alive = system.now();
            }
            let mut came = false;
            let mut newest = None;
            if self.stream.wait(left)? {
                // At most one round of all buffers: a fast camera must not hold up the loop.
                for _ in 0..self.stream.buffers() {
                    let Some(filled) = self.stream.take()? else {
                        break;
                    };
                    came = true;
                    *seq += self.count(&filled, counters);
                    let now = system.now();
                    match self.judge(&filled, now, counters) {
                        Some(bytes) => {
                            self.seen(now, counters);
                            let captured = self.captured(&filled, now);
                            if let Some((old, ..)) = newest.replace((filled, bytes, captured)) {
                                counters.replaced += 1;
                                self.stream.give_back(old)?;
                            }
                        }
                        None => self.stream.give_back(filled)?,
                    }
                }
            }
            if let Some((filled, bytes, captured)) = newest {
                let passed = self.pass(captured, counters);
                if passed {
                    self.hand_over(filled, bytes, frame)?;
                    frame.seq = seq.saturating_sub(1);
                    return Ok(Some(captured));
                }
                self.stream.give_back(filled)?;
            } else if !came && system.now() < deadline {
                // A signal, or a driver that wakes the process for nothing. Without a pause, a
                // storm of them would take a whole core.
                counters.spurious += 1;
                system.pause(pause.min(deadline.saturating_sub(system.now())));
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }

    /// If no valid frame came for too long, the bad ones that came instead, in words; empty if none
    /// came.
    pub fn overdue(&mut self, now: Duration, counters: &FrameCounters) -> Option<String> {
        if now.saturating_sub(self.alive) < self.timeout {
            return None;
        }
        if self.clock_is_ours && counters.bad.of("stale") > self.bad_then.of("stale") {
            log::warn!("the camera's timestamps are not the system's; the time of arrival is used");
            self.clock_is_ours = false;
            self.alive = now;
            return None;
        }
        let grown = counters
            .bad
            .iter()
            .map(|(cause, count)| (count - self.bad_then.of(cause), cause));
        let grown = grown.filter(|(count, _)| *count > 0);
        let words: Vec<_> = grown.map(|(n, cause)| format!("{n} {cause}")).collect();
        Some(words.join(", "))
    }

    /// The longest silence that is not a loss.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The mode that the driver gave.
    pub fn mode(&self) -> &Mode {
        &self.mode
    }

    /// Number and total bytes of the driver's buffers.
    pub fn buffers(&self) -> (usize, usize) {
        (self.stream.buffers(), self.stream.mapped())
    }

    /// The frames by which the driver's count advanced.
    fn count(&self, filled: &Filled, counters: &mut FrameCounters) -> u64 {
        let Some((last, _)) = self.last else {
            return 1;
        };
        match filled.sequence.wrapping_sub(last) {
            // A driver that does not count, or that restarted.
            0 | MOST_MISSED.. => 1,
            moved => {
                counters.missed += u64::from(moved - 1);
                u64::from(moved)
            }
        }
    }

    /// The bytes of the picture if the frame is complete and new; else counts the reason.
    fn judge(
        &mut self,
        filled: &Filled,
        now: Duration,
        counters: &mut FrameCounters,
    ) -> Option<usize> {
        let before = self.last.replace((filled.sequence, filled.timestamp));
        if filled.error {
            counters.bad.add("damaged");
            return None;
        }
        if filled.used == 0 {
            counters.bad.add("empty");
            return None;
        }
        if let (Some(before), Some(time)) = (before, filled.timestamp) {
            if before == (filled.sequence, Some(time)) {
                counters.bad.add("duplicate");
                return None;
            }
            let backwards = before.1.is_some_and(|earlier| time < earlier);
            if self.clock_is_ours && backwards {
                counters.bad.add("stale");
                return None;
            }
        }
        if let Some(time) = filled.timestamp
            && self.clock_is_ours
            && (now.saturating_sub(time) > self.timeout || time > now + AHEAD)
        {
            counters.bad.add("stale");
            return None;
        }
        if self.mode.format == PixelFormat::Jpeg {
            let whole = jpeg::length(self.stream.bytes(filled));
            if whole.is_none() {
                counters.bad.add("truncated");
            }
            return whole;
        }
        if filled.used < self.capacity {
            counters.bad.add("short");
            return None;
        }
        Some(self.capacity)
    }

    fn seen(&mut self, now: Duration, counters: &FrameCounters) {
        self.alive = now;
        if self.bad_then.total() != counters.bad.total() {
            self.bad_then = counters.bad.clone();
        }
    }

    fn captured(&self, filled: &Filled, now: Duration) -> Duration {
        let time = filled.timestamp.filter(|_| self.clock_is_ours);
        time.map_or(now, |time| time.min(now))
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
    fn hand_over(&mut self, filled: Filled, bytes: usize, frame: &mut Frame) -> io::Result<()> {
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
