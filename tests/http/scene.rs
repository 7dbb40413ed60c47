//! A camera and its source.

use std::fs;
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use goldcrest::meter::heap;
use goldcrest::source::Pauses;
use goldcrest::source::http::{Config, Http, Url};

use crate::support::live::{Before, Live};
use crate::support::web::{Conn, Server, Way, stream};

/// Bytes of heap that a source may hold at once, whatever comes.
const MOST: i64 = 2 << 20;
/// A short time of a server.
pub const SHORT: Duration = Duration::from_millis(50);

/// A camera and its source.
pub struct Scene {
    pub server: Server,
    live: Live<Http>,
    before: Before,
}

impl Deref for Scene {
    type Target = Live<Http>;

    fn deref(&self) -> &Self::Target {
        &self.live
    }
}

impl DerefMut for Scene {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.live
    }
}

impl Scene {
    pub fn new(way: Way, change: impl FnOnce(&mut Config)) -> Self {
        Self::with(way, Pauses::default(), change)
    }

    pub fn with(way: Way, pauses: Pauses, change: impl FnOnce(&mut Config)) -> Self {
        let before = Before::alone();
        let server = Server::start(way);
        let http = source_with(&server.url("/video"), pauses, change);
        Self::of(server, http, before)
    }

    pub fn of(server: Server, http: Http, before: Before) -> Self {
        heap::forget_peak();
        Self {
            server,
            live: Live::new(http),
            before,
        }
    }

    /// Has the camera behave, and waits for pictures.
    pub fn recovers(&mut self) {
        self.server.set_way(good());
        self.live.comes_back(2);
    }

    /// Ends everything, and sees what is left.
    pub fn end(self) {
        let Self {
            server,
            live,
            before,
        } = self;
        assert_eq!(server.most(), 1, "there were connections at once");
        let most = before.peak();
        assert!(most < MOST, "the heap had {most} bytes more");
        drop((live, server));
        before.is_back(|| None);
    }
}

pub fn picture() -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/jpeg/420.jpg")).unwrap()
}

pub fn good() -> Way {
    stream(&[picture()])
}

pub fn source(url: &str, change: impl FnOnce(&mut Config)) -> Http {
    source_with(url, Pauses::default(), change)
}

fn source_with(url: &str, pauses: Pauses, change: impl FnOnce(&mut Config)) -> Http {
    let mut config = Config {
        url: Url::from(url),
        timeout: 1.0,
        start_timeout: 1.5,
        ..Config::default()
    };
    change(&mut config);
    Http::new(&config, Path::new("/"), pauses).unwrap()
}

/// Sends `piece` until the client is gone.
fn flood(conn: &mut Conn, piece: &[u8]) {
    while conn.send(piece) {}
}

/// Sends `head`, and then `piece` until the client is gone.
pub fn endless(head: &'static [u8], piece: &'static [u8]) -> Way {
    Arc::new(move |conn| {
        if conn.send(head) {
            flood(conn, piece);
        }
    })
}

/// Sends `bytes` and keeps silent until the client is gone.
pub fn silent_after(bytes: Vec<u8>) -> Way {
    Arc::new(move |conn| {
        conn.send(&bytes);
        while conn.wait(SHORT) {}
    })
}
