//! What became of the messages.

/// What became of the messages so far.
///
/// Each message that was handed to the publisher is counted in exactly one of `sent`, `dropped`,
/// `replaced`, `waiting` and `unacknowledged`. The birth message and the retained messages that are
/// sent again on each connection count in addition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageCounts {
    /// Messages that the broker acknowledged, birth messages included.
    pub sent: u64,
    /// States and reports that were lost: too large ones, and those that came after the close.
    pub dropped: u64,
    /// States and reports that a newer one replaced before they were sent.
    pub replaced: u64,
    /// Messages that wait to be sent.
    pub waiting: u64,
    /// Messages that were sent and are not acknowledged yet.
    pub unacknowledged: u64,
    /// Connections that the broker accepted.
    pub connections: u64,
    /// Commands that were not obeyed.
    pub commands_refused: u64,
    /// Packets of the broker for which nobody asked. Each ended its connection.
    pub violations: u64,
    /// Whether the connection is up.
    pub connected: bool,
    /// The events among the messages.
    pub events: EventCounts,
}

/// What became of the events so far: `published` and `recovered` ones are together as many as those
/// that are `sent`, `waiting` and `unsent`, at any time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventCounts {
    /// Events that were handed to the publisher.
    pub published: u64,
    /// Events that an earlier run left on disk; each damaged place counts as one.
    pub recovered: u64,
    /// Events that the broker acknowledged.
    pub sent: u64,
    /// Events that are not acknowledged yet, those in flight included.
    pub waiting: u64,
    /// Events that were lost: the oldest of a full outbox, too large ones, damaged ones, and those
    /// that came after the close.
    pub unsent: u64,
    /// Bytes that the waiting ones count.
    pub bytes: u64,
    /// Waiting events that are on disk, and wait there for the next start after the end.
    pub stored: u64,
}

impl MessageCounts {
    /// Messages that the broker did not acknowledge: after the close they are lost, but for the
    /// events on disk.
    pub fn unsent(&self) -> u64 {
        let unsent = self.dropped + self.events.unsent + self.waiting + self.unacknowledged;
        unsent - self.events.stored.min(unsent)
    }
}
