//! A connection that is ready to be made.

use std::time::Duration;

use tokio::runtime::{self, Runtime};

use super::flight::WINDOW;
use super::wire::{self, Connection, Options, Sender};
use crate::publish::outbox::Message;
use crate::publish::{Config, Error};

/// The options of a connection for `config`, with the password read from its file.
///
/// # Errors
/// [`Error::Password`].
pub(crate) fn options(
    config: &Config,
    client_id: String,
    will: Option<Message>,
) -> Result<Options, Error> {
    Ok(Options {
        client_id,
        host: config.dial_host(),
        port: config.port,
        login: config.login()?,
        keep_alive: Duration::from_secs(config.keep_alive.max(1)),
        max_packet: config.max_packet,
        will,
    })
}

/// A connection with room for the messages in flight, and for some subscriptions and the disconnect
/// behind them.
pub(super) fn open(options: &Options) -> (Sender, Connection) {
    wire::open(options, WINDOW + 8)
}

/// A runtime on the calling thread, with one more thread while a name is resolved.
///
/// # Errors
/// [`Error::Thread`].
pub(super) fn runtime() -> Result<Runtime, Error> {
    runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .map_err(|e| Error::Thread(e.to_string()))
}
