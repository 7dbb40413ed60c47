//! What passes between the queue and the disk.

use std::ops::RangeInclusive;

use super::Message;

/// The events that an earlier run left on disk.
#[derive(Debug, Default)]
pub(crate) struct Recovered {
    /// Oldest first, with their numbers.
    pub(crate) events: Vec<(u64, Message)>,
    /// Stretches of bytes that are no whole records.
    pub(crate) damaged: u64,
    /// The number of the next event.
    pub(crate) next: u64,
}

/// What the disk has to learn.
#[derive(Debug)]
pub(crate) struct Batch {
    /// Events that are not on disk yet, oldest first, with their numbers.
    pub(crate) events: Vec<(u64, Message)>,
    /// Every event below this number is done with.
    pub(crate) done: u64,
    /// The numbers of all events that wait.
    pub(crate) live: Vec<RangeInclusive<u64>>,
    /// The number of the next event.
    pub(crate) next: u64,
}

impl Batch {
    /// The numbers from `done` on that are done with, too.
    pub(super) fn done_out_of_turn(&self) -> Vec<RangeInclusive<u64>> {
        let ends = self.live.iter().map(|live| *live.end() + 1);
        let starts = self.live.iter().skip(1).map(|live| *live.start());
        ends.zip(starts.chain([self.next]))
            .filter(|(end, start)| end < start)
            .map(|(end, start)| end..=start - 1)
            .collect()
    }
}
