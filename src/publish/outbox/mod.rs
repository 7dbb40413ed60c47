//! The messages that wait to be sent.

mod message;
mod queue;

pub(crate) use message::Message;
pub(crate) use queue::Outbox;
