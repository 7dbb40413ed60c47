//! The way to a broker: the name, TCP, and TLS over it.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use super::failure::Reason;
use super::secrecy::Secrecy;
use super::tls::Tls;
use crate::publish::servers::Server;

/// How long one of several addresses of a name may take to answer.
const ONE_OF_SEVERAL: Duration = Duration::from_secs(2);

/// How to reach one server, and what it answered first.
#[derive(Clone)]
pub(super) struct Dial {
    server: Server,
    tls: Option<Tls>,
    secrecy: Secrecy,
    first: FirstBytes,
}

impl Dial {
    pub(super) fn new(server: Server, tls: Option<Tls>, secrecy: Secrecy) -> Self {
        Self {
            server,
            tls,
            secrecy,
            first: FirstBytes::default(),
        }
    }

    pub(super) fn server(&self) -> &Server {
        &self.server
    }

    /// Connects, and agrees on TLS if that is configured.
    ///
    /// # Errors
    /// Those of the system, of the resolver and of TLS, and
    /// [`ClearText`](super::secrecy::ClearText): see [`Reason::of_io`].
    pub(super) async fn connect(self) -> io::Result<Stream> {
        let server = (self.server.host.as_str(), self.server.port);
        let mut addresses: Vec<_> = lookup_host(server).await?.collect();
        if self.tls.is_none() {
            self.secrecy.restrict(&mut addresses)?;
        }
        let stream = tcp(&addresses).await?;
        stream.set_nodelay(true)?;
        let layer = match &self.tls {
            None => Layer::Plain(stream),
            Some(tls) => Layer::Tls(Box::new(tls.connect(&self.server.host, stream).await?)),
        };
        Ok(Stream {
            layer,
            first: self.first,
        })
    }

    /// What the server's first bytes show, if they are no answer of this version of MQTT.
    pub(super) fn suspects(&self) -> Option<Reason> {
        match self.first.get() {
            // An alert of TLS.
            [0x15, 0x03, ..] if self.tls.is_none() => Some(Reason::TlsPort),
            // A CONNACK whose code is "unacceptable protocol version" of 3.1.1 or of 5.
            [0x20, _, _, 0x01 | 0x84] => Some(Reason::BadVersion),
            _ => None,
        }
    }
}

/// A connection to the first of the addresses that accepts one.
async fn tcp(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut failed = None;
    for address in addresses {
        let connecting = TcpStream::connect(address);
        let connected = if addresses.len() == 1 {
            connecting.await
        } else {
            let late = |_| Err(io::ErrorKind::TimedOut.into());
            timeout(ONE_OF_SEVERAL, connecting)
                .await
                .unwrap_or_else(late)
        };
        match connected {
            Ok(stream) => return Ok(stream),
            Err(e) => failed = Some(e),
        }
    }
    Err(failed.unwrap_or_else(|| io::Error::other("the lookup of its name found no address")))
}

/// The first four bytes that a server sent.
#[derive(Clone, Default)]
struct FirstBytes(Arc<Mutex<([u8; 4], usize)>>);

impl FirstBytes {
    fn note(&self, bytes: &[u8]) {
        let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (kept, length) = &mut *first;
        for (place, byte) in kept.iter_mut().skip(*length).zip(bytes) {
            *place = *byte;
            *length += 1;
        }
    }

    fn get(&self) -> [u8; 4] {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0
    }
}

/// An open connection.
pub(super) struct Stream {
    layer: Layer,
    first: FirstBytes,
}

enum Layer {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = match &mut self.layer {
            Layer::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Layer::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        };
        ready!(read)?;
        self.first.note(&buffer.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.layer {
            Layer::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Layer::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.layer {
            Layer::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Layer::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.layer {
            Layer::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Layer::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dial() -> Dial {
        let server = Server::new("a", None, false).unwrap();
        Dial::new(server, None, Secrecy::Open)
    }

    #[test]
    fn an_alert_of_tls_and_another_version_are_recognised() {
        for (parts, reason) in [
            (&[&[0x15, 0x03, 0x03, 0x00, 0x02][..]][..], Some("TlsPort")),
            (&[&[0x20, 0x02, 0x00, 0x01]], Some("BadVersion")),
            (&[&[0x20, 0x03], &[0x00, 0x84, 0x00]], Some("BadVersion")),
            (&[&[0x20, 0x02, 0x00, 0x05]], None),
            (&[&[0x20, 0x02, 0x00, 0x00, 0x01]], None),
            (&[b"HTTP/1.1"], None),
            (&[], None),
        ] {
            let dial = dial();
            for part in parts {
                dial.first.note(part);
            }
            let suspected = dial.suspects().map(|reason| format!("{reason:?}"));
            assert_eq!(suspected.as_deref(), reason, "{parts:?}");
        }
    }
}
