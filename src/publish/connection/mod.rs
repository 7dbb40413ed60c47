//! The thread that holds the connection to the broker. Only `wire` names the MQTT crate.

mod backoff;
mod birth;
mod client_id;
mod dial;
mod distrust;
mod failure;
mod flight;
mod held;
mod inbox;
mod liveness;
mod open;
mod probe;
mod rate;
mod rota;
mod secret;
mod session;
mod shared;
mod subscriptions;
mod tls;
mod watch;
mod wire;

pub(crate) use backoff::LogLimit;
pub(crate) use client_id::{client_id, temporary_client_id};
pub(crate) use distrust::Distrust;
pub(crate) use failure::{ConnectionFailure, Reason};
pub(crate) use inbox::Inbox;
pub(crate) use liveness::Liveness;
pub(crate) use open::target;
pub use probe::probe;
pub(crate) use secret::read_password;
pub use secret::{PasswordError, Secret};
pub(crate) use session::{Patience, start};
pub(crate) use shared::{Link, STEP, Shared};
pub use tls::TlsError;
pub(crate) use wire::Version;
