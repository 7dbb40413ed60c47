//! The messages that wait to be sent.

mod message;
mod queue;

pub(crate) use message::{Message, MessageKind};
pub(crate) use queue::Outbox;
