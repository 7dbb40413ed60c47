//! Judging a camera's frames: which are complete and new, and when their lack is a loss.

use std::time::Duration;

use super::stream::Filled;
use crate::frame::{Error, Limit};
use crate::meter::Tally;
use crate::source::FrameCounters;

/// A timestamp further in the future is not by the system's clock.
const AHEAD: Duration = Duration::from_secs(1);
/// A larger jump of the driver's count is a restart, not a loss of frames.
const MOST_MISSED: u32 = 1000;

/// Judges the frames of one open camera.
pub struct Judge {
    /// Bytes of a raw picture; `None` for JPEG.
    raw: Option<usize>,
    /// What a JPEG may cost.
    limit: Limit,
    /// Why the last frame that cost too much was refused, until that was asked for.
    pub refused: Option<Error>,
    timeout: Duration,
    /// Number and timestamp of the last frame.
    last: Option<(u32, Option<Duration>)>,
    /// When the last valid frame came, or the camera was opened.
    alive: Duration,
    /// The bad frames up to then.
    bad_then: Tally,
    /// Whether timestamps are by the system's clock.
    clock_is_ours: bool,
}

/// The judgement on a valid frame.
pub struct Verdict {
    /// Bytes of the picture.
    pub bytes: usize,
    /// When it was captured, by the system's clock.
    pub captured: Duration,
}

impl Judge {
    /// Judges raw pictures of `raw` bytes, or JPEG within `limit` if `None`, of a camera that was
    /// opened `now` and may stay silent for `timeout`.
    pub fn new(
        raw: Option<usize>,
        limit: Limit,
        timeout: Duration,
        now: Duration,
        counters: &FrameCounters,
    ) -> Self {
        Self {
            raw,
            limit,
            refused: None,
            timeout,
            last: None,
            alive: now,
            bad_then: counters.bad.clone(),
            clock_is_ours: true,
        }
    }

    /// Notes that a valid frame came `now`.
    pub fn accept(&mut self, now: Duration, counters: &FrameCounters) {
        self.alive = now;
        if self.bad_then.total() != counters.bad.total() {
            self.bad_then = counters.bad.clone();
        }
    }

    /// Counts a frame that costs too much.
    pub fn refuse(&mut self, error: Error, counters: &mut FrameCounters) {
        counters.bad.add(error.cause());
        self.refused = Some(error);
    }

    /// Does not count the silence until `now`.
    pub fn excuse(&mut self, now: Duration) {
        self.alive = now;
    }

    /// If no valid frame came for too long, the bad ones that came instead, in words; empty if none
    /// came.
    pub fn overdue(&mut self, now: Duration, counters: &FrameCounters) -> Option<String> {
        if now.saturating_sub(self.alive) < self.timeout {
            return None;
        }
        if self.clock_is_ours && counters.bad.of("stale") > self.bad_then.of("stale") {
            log::warn!(
                "the camera's timestamps are not by the system's clock; using the time of arrival"
            );
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

    /// The frames by which the driver's count advanced.
    pub fn count(&self, filled: &Filled, counters: &mut FrameCounters) -> u64 {
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

    /// The verdict if the frame, which has a JPEG picture of this `length` if any, is complete and
    /// new; else counts the reason.
    pub fn judge(
        &mut self,
        filled: &Filled,
        length: impl FnOnce() -> Option<usize>,
        now: Duration,
        counters: &mut FrameCounters,
    ) -> Option<Verdict> {
        let bytes = self.valid(filled, length, now, counters)?;
        let time = filled.timestamp.filter(|_| self.clock_is_ours);
        Some(Verdict {
            bytes,
            captured: time.map_or(now, |time| time.min(now)),
        })
    }

    /// The bytes of the picture if the frame is complete and new; else counts the reason.
    fn valid(
        &mut self,
        filled: &Filled,
        length: impl FnOnce() -> Option<usize>,
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
        let Some(raw) = self.raw else {
            let Some(bytes) = length() else {
                counters.bad.add("truncated");
                return None;
            };
            if let Err(error) = self.limit.admit_bytes(bytes) {
                self.refuse(error, counters);
                return None;
            }
            return Some(bytes);
        };
        if filled.used < raw {
            counters.bad.add("short");
            return None;
        }
        Some(raw)
    }
}
