//! Closing a device whose driver may hang.

use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, sync_channel};
use std::time::Duration;

use super::session::Session;
use crate::threads::{self, End};

/// How long a close may take before it is left to end by itself.
const CLOSE_TIME: Duration = Duration::from_millis(500);

/// Closes sessions in a thread of their own, because a driver whose device was unplugged may never
/// return. There is at most one such thread: nothing is opened before it ends.
#[derive(Default)]
pub struct Closer {
    /// Disconnected once the device is closed.
    pending: Option<Receiver<()>>,
}

impl Closer {
    /// Closes `session`, and waits for it at most half a second.
    pub fn close(&mut self, session: Box<Session>) {
        let (done, pending) = sync_channel::<()>(1);
        let closer = threads::spawn("camera-close", Some(threads::SMALL), move || {
            drop(session);
            // Nobody receives this if the camera itself is gone.
            let _ = done.send(());
            End::Told(())
        });
        if closer.is_ok() && pending.recv_timeout(CLOSE_TIME) == Err(RecvTimeoutError::Timeout) {
            self.pending = Some(pending);
        }
    }

    /// Whether the last session is closed.
    pub fn is_done(&mut self) -> bool {
        let open = self
            .pending
            .as_ref()
            .is_some_and(|done| done.try_recv() == Err(TryRecvError::Empty));
        if !open {
            self.pending = None;
        }
        !open
    }
}
