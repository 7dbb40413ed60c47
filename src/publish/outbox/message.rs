//! One message.

/// A message, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// The full topic.
    pub(crate) topic: String,
    /// The payload, as it goes over the wire.
    pub(crate) payload: Vec<u8>,
    /// Whether the broker keeps it for later subscribers.
    pub(crate) retained: bool,
}
