//! The thread that holds the connection to the broker.

pub(super) mod backoff;
pub(super) mod client_id;
pub(super) mod flight;
mod probe;
pub(super) mod secret;
pub(super) mod session;
pub(super) mod shared;

pub use probe::probe;
pub use secret::Secret;
