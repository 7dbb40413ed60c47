//! A socket whose reads and writes end in time.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::address::Address;
use super::hold::Hold;

/// How often a reader that waits looks whether the end was asked for.
const LOOK: Duration = Duration::from_secs(1);
/// The least time-out that the system takes.
const LEAST: Duration = Duration::from_millis(1);

/// A socket whose reads and writes end in time.
pub(super) struct Socket {
    stream: Arc<TcpStream>,
    hold: Hold,
    limit: Limit,
}

/// How long what is read or written may take.
#[derive(Clone, Copy)]
pub(super) enum Limit {
    /// All of it up to this moment.
    Until(Instant),
    /// Each part of it.
    Each(Duration),
    /// For ever: another thread watches.
    None,
}

impl Socket {
    /// Connects to `address` within `limit`, which then counts again for what follows.
    ///
    /// # Errors
    /// Those of the resolver and of the system.
    pub fn connect(address: &Address, hold: &Hold, limit: Duration) -> io::Result<Self> {
        let stream = tcp(address, limit)?;
        hold.connected(&stream);
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            hold: hold.clone(),
            limit: Limit::Until(Instant::now() + limit),
        })
    }

    /// Sets how long what follows may take.
    pub fn set_limit(&mut self, limit: Limit) {
        self.limit = limit;
    }

    /// Whether the peer is on this machine.
    pub fn is_local(&self) -> bool {
        let peer = self.stream.peer_addr();
        peer.is_ok_and(|peer| peer.ip().to_canonical().is_loopback())
    }

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

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
