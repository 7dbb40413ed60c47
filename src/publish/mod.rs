//! Publishing over MQTT.
//!
//! A [`Publisher`] owns one thread that holds the connection. Callers put messages into a bounded
//! outbox and wake the thread; no caller ever waits for the network, nor for a disk.
//!
//! The outbox keeps the latest message of each retained topic and sends it again on every
//! connection; `online` comes after all of them. Events wait until the broker acknowledges them, on
//! disk too if a folder is configured; a full outbox drops its oldest events. A failed connection
//! is logged, counted and tried again without end, after pauses that grow up to a minute.
//!
//! | topic | retained | payload |
//! |---|---|---|
//! | `<base>/<id>/availability` | yes | `online` or `offline`; `offline` is also the last will |
//! | `<base>/<id>/label` | yes | [`Label`] |
//! | `<base>/<id>/event` | no | [`Event`] |
//! | `<base>/<id>/camera` | yes | [`CameraState`] |
//! | `<base>/<id>/health` | no | [`Health`] |
//! | `<base>/<id>/settings` | yes | [`Settings`] |
//! | `<base>/<id>/command/<name>` | no | a command, which is read |
//! | `<base>/<id>/response/<name>` | no | its answer |
//! | `<base>/<id>/snapshot` | as configured | a JPEG file |
//! | `<base>/<id>/snapshot/info` | as configured | [`SnapshotInfo`] |
//!
//! All messages are sent with QoS 1.

mod client;
pub(crate) mod commands;
mod config;
mod connection;
mod counts;
mod error;
mod event_ids;
pub mod homeassistant;
mod outbox;
mod payloads;
mod servers;
mod tls;
mod topics;
mod writer;

pub use client::{Extras, Publisher};
pub use commands::Config as CommandsConfig;
pub use config::Config;
pub(crate) use connection::{Crowd, Listening, LogLimit};
pub use connection::{TlsError, probe};
pub use counts::{EventCounts, MessageCounts};
pub use error::Error;
pub use event_ids::EventIds;
pub use outbox::Config as OutboxConfig;
#[cfg(test)]
pub(crate) use payloads::sample_health;
pub use payloads::{
    CameraState, Event, Hashes, Health, Label, Payload, Settings, SnapshotInfo, TaughtState,
};
pub(crate) use payloads::{MemoryUse, OutboxUse, Queue, Score, Time, Top, Unknown, VERSION};
pub use tls::TlsConfig;
pub(crate) use topics::Topics;
