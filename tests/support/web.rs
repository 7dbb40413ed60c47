//! A server of pictures over HTTP, in this process, that does what a test tells it.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::certificates::Certificate;

/// What a server does with a connection whose request it has read.
pub type Way = Arc<dyn Fn(&mut Conn) + Send + Sync>;

/// Both directions of a connection.
trait Both: Read + Write + Send {}

impl<T: Read + Write + Send> Both for T {}

/// A connection.
pub struct Conn {
    stream: Box<dyn Both>,
    /// The head of the request.
    pub request: String,
    stop: Arc<Shared>,
}

struct Shared {
    way: Mutex<Way>,
    total: AtomicU64,
    most: AtomicUsize,
    stop: AtomicBool,
    /// Whether no request is waited for.
    blunt: AtomicBool,
}

/// A server on a free port of the loopback.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// One that does `way`.
    pub fn start(way: Way) -> Self {
        Self::on(0, None, way)
    }

    /// One that speaks TLS with this certificate.
    pub fn secure(certificate: &Certificate, way: Way) -> Self {
        let chain = CertificateDer::pem_file_iter(&certificate.file).unwrap();
        let chain = chain.map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_file(&certificate.key).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        Self::on(0, Some(Arc::new(config)), way)
    }

    /// One that sends `answer` to each connection without a look at the request, and closes it.
    pub fn blunt(answer: &'static [u8]) -> Self {
        let server = Self::start(Arc::new(|_| ()));
        server.shared.blunt.store(true, Ordering::SeqCst);
        server.set_way(once(answer.to_vec()));
        server
    }

    /// One on this port, or on a free one if it is 0.
    pub fn on(port: u16, tls: Option<Arc<ServerConfig>>, way: Way) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            way: Mutex::new(way),
            total: AtomicU64::new(0),
            most: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
            blunt: AtomicBool::new(false),
        });
        let of_thread = Arc::clone(&shared);
        let thread = thread::spawn(move || serve(&listener, tls, &of_thread));
        Self {
            address,
            shared,
            thread: Some(thread),
        }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The address of `path`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Does something else from the next connection on.
    pub fn set_way(&self, way: Way) {
        *self.shared.way.lock().unwrap() = way;
    }

    /// Connections so far.
    pub fn total(&self) -> u64 {
        self.shared.total.load(Ordering::SeqCst)
    }

    /// The most connections that the clients held open at once.
    pub fn most(&self) -> usize {
        self.shared.most.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn serve(listener: &TcpListener, tls: Option<Arc<ServerConfig>>, shared: &Arc<Shared>) {
    let port = listener.local_addr().unwrap().port();
    let mut all: Vec<JoinHandle<()>> = Vec::new();
    for stream in listener.incoming() {
        if shared.stop.load(Ordering::SeqCst) {
            break;
        }
        let stream = stream.unwrap();
        shared.total.fetch_add(1, Ordering::SeqCst);
        shared.most.fetch_max(established(port), Ordering::SeqCst);
        stream
            .set_read_timeout(Some(Duration::from_millis(100)))
            .unwrap();
        stream
            .set_write_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        let stream: Box<dyn Both> = match &tls {
            None => Box::new(stream),
            Some(tls) => {
                let connection = ServerConnection::new(Arc::clone(tls)).unwrap();
                Box::new(StreamOwned::new(connection, stream))
            }
        };
        let (way, stop) = (
            Arc::clone(&shared.way.lock().unwrap_or_else(PoisonError::into_inner)),
            Arc::clone(shared),
        );
        all.retain(|thread| !thread.is_finished());
        all.push(thread::spawn(move || {
            let mut conn = Conn {
                stream,
                request: String::new(),
                stop,
            };
            if conn.stop.blunt.load(Ordering::SeqCst) || conn.read_request().is_ok() {
                way(&mut conn);
            }
        }));
    }
    for thread in all {
        thread.join().unwrap();
    }
}

/// Connections of this machine to `port` that their own side did not close.
fn established(port: u16) -> usize {
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let to = format!(":{port:04X}");
    let lines = table.lines().skip(1).map(|line| {
        let mut words = line.split_whitespace().skip(2);
        (words.next(), words.next())
    });
    lines
        .filter(|(remote, state)| remote.is_some_and(|r| r.ends_with(&to)) && *state == Some("01"))
        .count()
}

impl Conn {
    fn read_request(&mut self) -> io::Result<()> {
        let mut line = Vec::new();
        loop {
            let mut byte = [0];
            match self.stream.read(&mut byte) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => line.push(byte[0]),
                Err(e) if is_slow(&e) && !self.over() => continue,
                Err(e) => return Err(e),
            }
            if line.ends_with(b"\r\n\r\n") {
                self.request = String::from_utf8_lossy(&line).into_owned();
                return Ok(());
            }
        }
    }

    fn over(&self) -> bool {
        self.stop.stop.load(Ordering::SeqCst)
    }

    /// Sends `bytes`; `false` if the client is gone or the server ends.
    pub fn send(&mut self, bytes: &[u8]) -> bool {
        !self.over() && self.stream.write_all(bytes).is_ok() && self.stream.flush().is_ok()
    }

    /// Waits for so long; `false` if the client is gone or the server ends.
    pub fn wait(&mut self, time: Duration) -> bool {
        let end = std::time::Instant::now() + time;
        while std::time::Instant::now() < end {
            let mut byte = [0];
            match self.stream.read(&mut byte) {
                Ok(0) => return false,
                Err(e) if is_slow(&e) => {}
                Err(_) => return false,
                Ok(_) => {}
            }
            if self.over() {
                return false;
            }
        }
        true
    }

    /// A field of the request.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.request.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// What is asked for.
    pub fn target(&self) -> &str {
        self.request.split(' ').nth(1).unwrap_or_default()
    }
}

fn is_slow(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

/// A way that sends `head`, and then each of `parts`, twenty times a second, again and again.
pub fn repeat(head: &str, parts: Vec<Vec<u8>>) -> Way {
    let head = head.to_owned();
    Arc::new(move |conn| {
        let mut going = conn.send(head.as_bytes());
        for part in parts.iter().cycle() {
            if !going {
                break;
            }
            going = conn.send(part) && conn.wait(Duration::from_millis(50));
        }
    })
}

/// A way that sends `bytes` and closes.
pub fn once(bytes: Vec<u8>) -> Way {
    Arc::new(move |conn| {
        conn.send(&bytes);
    })
}

/// The head of a stream.
pub const STREAM: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n";

/// A part of a stream.
pub fn part(picture: &[u8]) -> Vec<u8> {
    let head = format!(
        "--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n",
        picture.len()
    );
    [head.as_bytes(), picture, b"\r\n"].concat()
}

/// A well-behaved stream of `pictures`, over and over.
pub fn stream(pictures: &[Vec<u8>]) -> Way {
    repeat(
        STREAM,
        pictures.iter().map(|picture| part(picture)).collect(),
    )
}
