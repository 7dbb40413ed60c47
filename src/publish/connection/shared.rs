//! The state that the publisher and its thread share.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::publish::Error;
use crate::publish::commands::CommandQueue;
use crate::publish::counts::MessageCounts;
use crate::publish::homeassistant::Discovery;
use crate::publish::outbox::{Message, Outbox};

/// The state of the connection.
#[derive(Clone, Debug)]
pub(crate) enum Link {
    /// The first try to connect is under way.
    Trying,
    Connected,
    /// The last try failed, or the connection was lost.
    Failed(Error),
    /// The thread has ended.
    Ended,
}

/// The state behind the lock of [`Shared`].
pub(crate) struct SharedState {
    pub(crate) outbox: Outbox,
    /// What Home Assistant is told before all that waits in the outbox.
    pub(crate) discovery: Discovery,
    /// Commands from the broker, and their answers.
    pub(crate) commands: CommandQueue,
    pub(crate) link: Link,
    pub(crate) counts: MessageCounts,
    /// Set by the publisher to close the connection: the deadline for it.
    pub(crate) closing: Option<Instant>,
    /// Whether the broker acknowledged everything, `offline` included, before the disconnect.
    pub(crate) closed_cleanly: bool,
}

/// How often somebody who waits is asked whether to give up.
pub(crate) const STEP: Duration = Duration::from_millis(100);

impl SharedState {
    /// Whether the broker acknowledged everything.
    pub(crate) fn idle(&self) -> bool {
        self.outbox.len() + self.discovery.len() + self.commands.answers() == 0
            && self.counts.unacknowledged == 0
    }
}

/// A [`SharedState`] behind a lock, and the signals of its changes. Nobody holds the lock while
/// waiting for anything.
pub(crate) struct Shared {
    state: Mutex<SharedState>,
    /// Wakes those that wait for a change of the link, or until nothing waits.
    changed: Condvar,
    /// Wakes the thread: there is a message to send, or the connection is to be closed.
    pub(super) wake: Notify,
    /// The message that the daemon works.
    pub(super) online: Message,
    /// The message that it does not, also the last one before the disconnect.
    pub(super) offline: Message,
}

impl Shared {
    pub(crate) fn new(
        outbox: Outbox,
        discovery: Discovery,
        online: Message,
        offline: Message,
    ) -> Self {
        Self {
            state: Mutex::new(SharedState {
                outbox,
                discovery,
                commands: CommandQueue::default(),
                link: Link::Trying,
                counts: MessageCounts::default(),
                closing: None,
                closed_cleanly: false,
            }),
            changed: Condvar::new(),
            wake: Notify::new(),
            online,
            offline,
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, SharedState> {
        // No code that may panic leaves the state half changed, so a poisoned lock is usable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the thread after a change of the outbox.
    pub(crate) fn wake_thread(&self) {
        self.wake.notify_one();
    }

    /// Tells the thread to close the connection by `deadline`, unless it was told before.
    pub(crate) fn close(&self, deadline: Instant) {
        self.lock().closing.get_or_insert(deadline);
        self.changed.notify_all();
        self.wake.notify_one();
    }

    /// Waits until `pending` no longer holds, at most for `timeout`.
    pub(crate) fn wait_while(
        &self,
        timeout: Duration,
        mut pending: impl FnMut(&SharedState) -> bool,
    ) -> MutexGuard<'_, SharedState> {
        self.changed
            .wait_timeout_while(self.lock(), timeout, |state| pending(state))
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }

    pub(super) fn set_link(&self, link: Link) {
        self.lock().link = link;
        self.changed.notify_all();
    }

    /// Notes a connection that the broker accepted. It begins with the states.
    pub(super) fn note_connected(&self) {
        let mut state = self.lock();
        state.counts.connections += 1;
        state.outbox.repeat_states();
        state.link = Link::Connected;
        drop(state);
        self.changed.notify_all();
    }

    /// Wakes those that wait until the broker acknowledged everything.
    pub(super) fn note_idle(&self) {
        self.changed.notify_all();
    }

    /// Waits until the publisher asks for the close.
    pub(super) async fn closing(&self) {
        while self.lock().closing.is_none() {
            self.wake.notified().await;
        }
    }
}
