//! Connections that are ready to be made.

use std::time::Duration;

use tokio::runtime::{self, Runtime};

use super::dial::Dial;
use super::flight::WINDOW;
use super::secrecy::Secrecy;
use super::tls::Tls;
use super::wire::{self, Connection, Options, Sender};
use crate::publish::outbox::Message;
use crate::publish::servers::{Named, Server};
use crate::publish::{Config, Error};
use crate::secrets::Places;

/// Where to connect, and how.
#[derive(Debug)]
pub(crate) struct Target {
    /// The brokers, at least one.
    pub(super) servers: Vec<Server>,
    /// The key that names them.
    pub(super) named: Named,
    pub(super) options: Options,
    /// The most that is added to a pause before a try to connect.
    pub(super) jitter: Duration,
    tls: Option<Tls>,
    secrecy: Secrecy,
}

/// The target of `config`, with the password and the files of TLS read.
///
/// # Errors
/// [`Error::Password`], [`Error::Tls`], [`Error::Servers`].
pub(crate) fn target(
    config: &Config,
    client_id: String,
    will: Option<Message>,
) -> Result<Target, Error> {
    let tls = if config.uses_tls() {
        let default = Default::default();
        let tls = config.tls.as_ref().unwrap_or(&default);
        Some(Tls::load(tls, &Places::of(&config.folder))?)
    } else {
        None
    };
    let login = config.login()?;
    let secret = login
        .as_ref()
        .is_some_and(|(_, password)| !password.reveal().is_empty());
    let secrecy = match secret && !config.plaintext_password {
        true => Secrecy::Local,
        false => Secrecy::Open,
    };
    Ok(Target {
        servers: config.servers()?,
        named: config.named(),
        options: Options {
            version: config.version(),
            client_id,
            login,
            keep_alive: Duration::from_secs(config.keep_alive.max(1)),
            max_packet: config.max_packet,
            max_incoming: config.max_packet,
            will,
            keep_session: false,
        },
        jitter: Duration::from_secs(config.jitter),
        tls,
        secrecy,
    })
}

impl Target {
    /// Takes packets of at most so many bytes, where less than the largest one is subscribed to.
    pub(crate) fn take_at_most(&mut self, bytes: usize) {
        self.options.max_incoming = bytes;
    }

    /// A connection to the server of this index, with room for the messages in flight, and for some
    /// subscriptions behind them.
    pub(super) fn open(&self, server: usize) -> (Sender, Connection) {
        let dial = Dial::new(self.servers[server].clone(), self.tls.clone(), self.secrecy);
        wire::open(&self.options, dial, WINDOW + 8)
    }
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
