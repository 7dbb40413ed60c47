//! What two threads hold of a connection: the one that reads it, and the one that asks for frames.

use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::head::Head;
use crate::source::live;

/// The hold on the connections of one run, of which there is one at a time.
#[derive(Clone, Default)]
pub(super) struct Hold(Arc<Shared>);

#[derive(Default)]
struct Shared {
    held: Mutex<Held>,
    wake: Condvar,
}

#[derive(Default)]
struct Held {
    /// Set when the end was asked for.
    cut: Option<Instant>,
    /// The present connection. It is closed when its reader drops it.
    stream: Weak<TcpStream>,
    /// The type of the last answer.
    kind: Option<String>,
    /// Whether the address gives one picture at a time.
    polled: bool,
}

impl Hold {
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a new connection.
    pub fn connected(&self, stream: &Arc<TcpStream>) {
        let mut held = self.lock();
        held.stream = Arc::downgrade(stream);
        if held.cut.is_some() {
            shut(&held.stream);
        }
    }

    /// Whether the end was asked for.
    pub fn is_cut(&self) -> bool {
        self.lock().cut.is_some()
    }

    /// How long ago the end was asked for.
    pub fn cut_since(&self) -> Duration {
        let cut = self.lock().cut;
        cut.map_or(Duration::ZERO, |cut| cut.elapsed())
    }

    /// Notes the head of an answer.
    pub fn answered(&self, head: &Head) {
        self.lock().kind.clone_from(&head.kind);
    }

    /// The type of the last answer.
    pub fn kind(&self) -> Option<String> {
        self.lock().kind.clone()
    }

    /// Waits for the next poll of a single picture. Returns whether it is still wanted.
    pub fn rest(&self, time: Duration) -> bool {
        let mut held = self.lock();
        held.polled = true;
        let going = |held: &mut Held| held.cut.is_none();
        let waited = self.0.wake.wait_timeout_while(held, time, going);
        let (held, _) = waited.unwrap_or_else(PoisonError::into_inner);
        held.cut.is_none()
    }

    /// Whether the address gives one picture at a time.
    pub fn is_polled(&self) -> bool {
        self.lock().polled
    }
}

impl live::Hold for Hold {
    /// Closes the connection at once: small cameras serve one.
    fn cut(&self) {
        let mut held = self.lock();
        held.cut.get_or_insert_with(Instant::now);
        shut(&held.stream);
        self.0.wake.notify_all();
    }
}

fn shut(stream: &Weak<TcpStream>) {
    if let Some(stream) = stream.upgrade() {
        // One that the camera closed already is closed.
        let _ = stream.shutdown(Shutdown::Both);
    }
}
