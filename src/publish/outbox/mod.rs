//! The messages that wait for the broker, in memory and, for events, on disk.

mod batch;
mod config;
mod disk;
mod events;
mod kept;
mod message;
#[cfg(test)]
mod properties;
mod queue;
mod record;
mod sizes;
mod ticket;

pub(crate) use batch::{Batch, Recovered};
pub use config::Config;
pub(crate) use disk::{Disk, FolderError};
pub(crate) use message::{Message, MessageKind};
pub(crate) use queue::Outbox;
pub(crate) use ticket::Ticket;
