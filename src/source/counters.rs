//! Counters of a camera's frames, delivered and dropped.

use serde::Serialize;

use crate::meter::Tally;

/// Frames since the start, by what happened to them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FrameCounters {
    /// Frames that the camera passed on.
    pub delivered: u64,
    /// Valid frames that a newer one replaced before anything read them.
    pub replaced: u64,
    /// Frames for which the driver had no free buffer, by the gaps in its count.
    pub missed: u64,
    /// Frames that came faster than the requested rate.
    pub beyond_rate: u64,
    /// First frames after an open, while exposure settles.
    pub skipped: u64,
    /// Wake-ups without a frame.
    pub spurious: u64,
    /// Frames that were incomplete or not new, by cause: `damaged`, marked so by the driver;
    /// `empty`, without a byte; `short`, raw and shorter than the picture; `truncated`, a JPEG
    /// without beginning or end; `duplicate`, delivered twice; `stale`, older than the time-out or
    /// than the frame before; `too-large`, `too-long`, `progressive`, a JPEG that costs more than
    /// the mode allows; `lost`, ready when the camera was lost.
    pub bad: Tally,
}

impl FrameCounters {
    /// All frames that the camera did not pass on, by cause.
    pub(crate) fn drops(&self) -> Tally {
        let mut drops = Tally::new();
        for (cause, count) in [
            ("queue", self.replaced),
            ("missed", self.missed),
            ("beyond-rate", self.beyond_rate),
            ("first", self.skipped),
        ] {
            drops.add_many(cause, count);
        }
        drops.add_all(&self.bad);
        drops
    }

    /// Takes the values of `other`, a later state of the same counters. Allocates only if there are
    /// new bad frames.
    pub(super) fn follow(&mut self, other: &Self) {
        let bad = if self.bad.total() == other.bad.total() {
            std::mem::take(&mut self.bad)
        } else {
            other.bad.clone()
        };
        *self = Self { bad, ..*other };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_that_is_not_delivered_is_a_drop() {
        let mut counters = FrameCounters {
            delivered: 100,
            replaced: 1,
            missed: 2,
            beyond_rate: 3,
            skipped: 4,
            spurious: 5,
            bad: Tally::new(),
        };
        counters.bad.add("truncated");
        let drops = counters.drops();
        assert_eq!(
            drops.to_string(),
            "1 queue, 2 missed, 3 beyond-rate, 4 first, 1 truncated"
        );
        assert_eq!(FrameCounters::default().drops(), Tally::new());
    }
}
