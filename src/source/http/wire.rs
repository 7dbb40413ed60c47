//! A connection to a camera, plain or over TLS, each step of which has its time.

use std::io::{self, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::{ClientConnection, StreamOwned};

use super::address::Address;
use super::hold::Hold;
use super::secure::Trust;
use crate::source::live::{Ahead, ahead};

/// How often a reader that waits looks whether the end was asked for.
const LOOK: Duration = Duration::from_secs(1);
/// The least time-out that the system takes.
const LEAST: Duration = Duration::from_millis(1);

/// A connection.
pub(super) enum Wire {
    Plain(Socket),
    Tls(Box<StreamOwned<ClientConnection, Socket>>),
}

/// A socket whose reads and writes end in time.
pub(super) struct Socket {
    stream: Arc<TcpStream>,
    hold: Hold,
    limit: Limit,
}

/// How long what is read or written may take.
#[derive(Clone, Copy)]
enum Limit {
    /// All of it up to this moment.
    Until(Instant),
    /// Each part of it.
    Each(Duration),
    /// For ever: another thread watches.
    None,
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
        let socket = Socket {
            stream: tcp(address, limit)?,
            hold: hold.clone(),
            limit: Limit::Until(Instant::now() + limit),
        };
        hold.connected(&socket.stream);
        socket.stream.set_nodelay(true)?;
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
            Self::Plain(socket) => socket.limit = limit,
            Self::Tls(stream) => stream.sock.limit = limit,
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
        let peer = self.socket().stream.peer_addr();
        matches!(self, Self::Tls(_))
            || peer.is_ok_and(|peer| peer.ip().to_canonical().is_loopback())
    }
}

/// A connection to the first of the addresses of a name that accepts one.
fn tcp(address: &Address, limit: Duration) -> io::Result<Arc<TcpStream>> {
    let end = Instant::now() + limit;
    let all: Vec<_> = (address.host.as_str(), address.port)
        .to_socket_addrs()?
        .collect();
    let mut failed = io::Error::other("its name stands for no address");
    for (at, place) in all.iter().enumerate() {
        let left = end.saturating_duration_since(Instant::now());
        // Each address gets its share of what is left.
        let share = left / u32::try_from(all.len() - at).unwrap_or(u32::MAX);
        match TcpStream::connect_timeout(place, share.max(LEAST)) {
            Ok(stream) => return Ok(Arc::new(stream)),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

impl Socket {
    /// How long the next call of the system may take.
    fn patience(&self, deadline: Option<Instant>) -> io::Result<Duration> {
        if self.hold.is_cut() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let Some(deadline) = deadline else {
            return Ok(LOOK);
        };
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(left.clamp(LEAST, LOOK))
    }

    /// Repeats `call` until it is done, or the deadline is over.
    fn until_done(
        &self,
        set: fn(&TcpStream, Option<Duration>) -> io::Result<()>,
        mut call: impl FnMut(&TcpStream) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let deadline = match self.limit {
            Limit::Until(end) => Some(end),
            Limit::Each(time) => Some(Instant::now() + time),
            Limit::None => None,
        };
        loop {
            set(&self.stream, Some(self.patience(deadline)?))?;
            match call(&self.stream) {
                Err(e)
                    if matches!(
                        e.kind(),
                        io::ErrorKind::WouldBlock
                            | io::ErrorKind::TimedOut
                            | io::ErrorKind::Interrupted
                    ) => {}
                done => return done,
            }
        }
    }
}

impl Read for Socket {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        self.until_done(TcpStream::set_read_timeout, |mut stream| stream.read(to))
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.until_done(TcpStream::set_write_timeout, |mut stream| {
            stream.write(bytes)
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
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
        ahead(self.buffer(), &*self.get_ref().socket().stream)
    }
}
