//! A connection to a camera, plain or over TLS, each step of which has its time.

use std::io::{self, BufReader, Read, Write};
use std::time::{Duration, Instant};

use rustls::{ClientConnection, StreamOwned};

use super::address::Address;
use super::hold::Hold;
use super::secure::Trust;
use super::socket::{Limit, Socket};
use crate::source::live::{Ahead, ahead};

/// A connection.
pub(super) enum Wire {
    Plain(Socket),
    Tls(Box<StreamOwned<ClientConnection, Socket>>),
}

impl Wire {
    /// Connects to `address`, within `limit` each for the connection and for TLS.
    ///
    /// # Errors
    /// Those of the resolver, the system and TLS.
    pub fn connect(
        address: &Address,
        trust: Option<&Trust>,
        hold: &Hold,
        limit: Duration,
    ) -> io::Result<Self> {
        let socket = Socket::connect(address, hold, limit)?;
        match trust {
            None => Ok(Self::Plain(socket)),
            Some(trust) => Ok(Self::Tls(Box::new(trust.agree(&address.host, socket)?))),
        }
    }

    fn socket(&self) -> &Socket {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => &stream.sock,
        }
    }

    fn set_limit(&mut self, limit: Limit) {
        match self {
            Self::Plain(socket) => socket.set_limit(limit),
            Self::Tls(stream) => stream.sock.set_limit(limit),
        }
    }

    /// Has all that follows end by `end`.
    pub fn set_deadline(&mut self, end: Instant) {
        self.set_limit(Limit::Until(end));
    }

    /// Has each read that follows end within `time`.
    pub fn set_silence(&mut self, time: Duration) {
        self.set_limit(Limit::Each(time));
    }

    /// Lets reads wait for ever: another thread watches.
    pub fn set_endless(&mut self) {
        self.set_limit(Limit::None);
    }

    /// Whether strangers cannot read what is sent: it is encrypted, or stays in this machine.
    pub fn is_private(&self) -> bool {
        matches!(self, Self::Tls(_)) || self.socket().is_local()
    }
}

impl Read for Wire {
    /// An end of any kind is an end: cameras close as they like. What was cut off is found in what
    /// was sent.
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let read = match self {
            Self::Plain(socket) => socket.read(to),
            Self::Tls(stream) => stream.read(to),
        };
        match read {
            Err(e)
                if matches!(
                    e.kind(),
                    io::ErrorKind::UnexpectedEof
                        | io::ErrorKind::ConnectionReset
                        | io::ErrorKind::ConnectionAborted
                        | io::ErrorKind::BrokenPipe
                        | io::ErrorKind::NotConnected
                ) =>
            {
                Ok(0)
            }
            read => read,
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

impl Ahead for BufReader<Wire> {
    fn ahead(&self) -> usize {
        ahead(self.buffer(), self.get_ref().socket())
    }
}
