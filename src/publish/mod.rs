//! Saying it over MQTT.
//!
//! A [`Publisher`] owns one thread that holds the connection. What is to be said goes into a
//! bounded outbox and the thread is woken; no caller ever waits for the network. What is retained
//! is kept as its latest value and said anew at each connection, after the birth message; what is
//! not retained waits in a queue until the broker has acknowledged it, and the oldest gives way
//! when the queue is full. Trouble with the connection is logged, counted and tried again with a
//! growing pause, without end.
//!
//! | topic | retained | payload |
//! |---|---|---|
//! | `<base>/<id>/availability` | yes | `online` or `offline`, which is also the last will |
//! | `<base>/<id>/label` | yes | [`Label`] |
//! | `<base>/<id>/event` | no | [`Event`] |
//! | `<base>/<id>/camera` | yes | [`CameraState`] |
//! | `<base>/<id>/health` | no | [`Health`] |
//!
//! All are sent with QoS 1.

mod client;
mod config;
mod connection;
mod counts;
mod error;
mod outbox;
mod payloads;
mod topics;

pub use client::Publisher;
pub use config::Config;
pub use connection::{Secret, probe};
pub use counts::MessageCounts;
pub use error::Error;
pub use payloads::{CameraState, Event, Health, Label, Payload};
pub(crate) use payloads::{MemoryUse, Queue, Score, Time, Top, VERSION};
pub use topics::Topics;
