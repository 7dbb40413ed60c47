//! What names a message in flight.

/// Names a message that the [`Outbox`](super::Outbox) gave out to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ticket {
    /// A message that the outbox does not hold: an answer, or what `availability` says.
    Free,
    /// The event of this number.
    Event(u64),
    /// A state or a report.
    Kept {
        /// The place of its topic.
        place: usize,
        /// Tells it from earlier and later messages of the topic.
        version: u64,
    },
}
