//! Publishing over MQTT.
//!
//! A [`Publisher`] owns one thread that holds the connection. Callers put messages into a bounded
//! outbox and wake the thread; no caller ever waits for the network.
//!
//! The outbox keeps the latest message of each retained topic and sends it again on every
//! connection; `online` comes after all of them. Other messages wait in a queue until the broker
//! acknowledges them; a full queue drops its oldest message. A failed connection is logged, counted
//! and tried again without end, after pauses that grow up to a minute.
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
//!
//! All messages are sent with QoS 1.

mod client;
pub(crate) mod commands;
mod config;
mod connection;
mod counts;
mod error;
mod outbox;
mod payloads;
mod servers;
mod tls;
mod topics;

pub use client::{Extras, Publisher};
pub use commands::Config as CommandsConfig;
pub use config::Config;
pub(crate) use connection::{Crowd, Listening, LogLimit};
pub use connection::{PasswordError, Secret, TlsError, probe};
pub use counts::MessageCounts;
pub use error::Error;
#[cfg(test)]
pub(crate) use payloads::sample_health;
pub use payloads::{CameraState, Event, Health, Label, Payload, Settings};
pub(crate) use payloads::{MemoryUse, Queue, Score, Time, Top, Unknown, VERSION};
pub use tls::TlsConfig;
pub(crate) use topics::Topics;
