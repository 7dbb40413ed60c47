//! The instance as a device of Home Assistant, announced by MQTT discovery.
//!
//! One retained message on `<prefix>/device/<node>/config` describes all entities. Nothing here
//! touches the network: [`Discovery`] says which messages to send in which order, and the
//! connection's thread sends them.

mod announcement;
mod component;
mod config;
mod controls;
mod device;
mod diagnostics;
mod discovery;
mod message;
mod node;
mod record;
mod sight;
mod teaching;

pub use announcement::Announcement;
pub use config::Config;
pub use device::{Abilities, Offer, Seen};
pub(crate) use discovery::Discovery;
pub(crate) use record::Record;

#[cfg(test)]
mod lists;
#[cfg(test)]
mod tests;
