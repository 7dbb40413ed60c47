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
    /// Messages that were lost: the oldest of a full queue, too large ones, and those that came
    /// after the close.
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
    /// Whether the connection is up.
    pub connected: bool,
}

impl MessageCounts {
    /// Messages that the broker did not acknowledge: after the close they are lost.
    pub fn unsent(&self) -> u64 {
        self.dropped + self.waiting + self.unacknowledged
    }
}
