//! The messages that wait for the broker, in memory and, for events, on disk.

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

pub use config::Config;
pub(crate) use disk::{Disk, FolderError};
pub(crate) use message::{Message, MessageKind};
pub(crate) use queue::{Batch, Outbox, Recovered};
pub(crate) use ticket::Ticket;
