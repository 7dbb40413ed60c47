//! One message.

/// A message, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// The full topic.
    pub(crate) topic: String,
    /// The payload, as it goes over the wire.
    pub(crate) payload: Vec<u8>,
    /// Which messages of a topic wait together.
    pub(crate) kind: MessageKind,
    /// What an answer repeats of its question, over MQTT 5.
    pub(crate) correlation: Option<Vec<u8>>,
}

/// Which messages of a topic wait for the broker, and which of them it keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MessageKind {
    /// Every one: an event. A full outbox drops the oldest.
    Event,
    /// The newest one, which is sent once: a picture.
    Once,
    /// The newest one, which is sent once, and again to a subscriber that starts later: a report.
    Report,
    /// The newest one, which the broker keeps for later subscribers and which is sent on every
    /// connection: a state.
    State,
}

impl Message {
    /// Whether the broker keeps the message for later subscribers.
    pub(crate) fn retained(&self) -> bool {
        self.kind == MessageKind::State
    }
}
