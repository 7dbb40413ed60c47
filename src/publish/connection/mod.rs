//! The thread that holds the connection to the broker. Only `wire` names the MQTT crate.

mod backoff;
mod birth;
mod client_id;
mod crowd;
mod dial;
mod failure;
mod flight;
mod held;
mod inbox;
mod listening;
mod liveness;
mod open;
mod probe;
mod rate;
mod rota;
mod secrecy;
mod session;
mod shared;
mod subscriptions;
mod tls;
mod watch;
mod wire;

pub(crate) use backoff::LogLimit;
pub(crate) use client_id::{client_id, temporary_client_id};
pub(crate) use crowd::Crowd;
pub(crate) use failure::{ConnectionFailure, Reason};
pub(crate) use inbox::Inbox;
pub(crate) use listening::Listening;
pub(crate) use liveness::Liveness;
pub(crate) use open::target;
pub use probe::probe;
pub(crate) use session::{Patience, start};
pub(crate) use shared::{Link, STEP, Shared};
pub use tls::TlsError;
pub(crate) use wire::Version;
