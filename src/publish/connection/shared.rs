//! What the publisher and its thread share.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rumqttc::{AsyncClient, QoS};
use tokio::sync::Notify;

use super::flight::{Flight, Parting, WINDOW};
use crate::publish::Error;
use crate::publish::counts::MessageCounts;
use crate::publish::outbox::{Message, Outbox};

/// How the connection stands.
#[derive(Clone, Debug)]
pub(in crate::publish) enum Link {
    /// The first connection is under way.
    Trying,
    Connected,
    /// The last try failed, or the connection was lost.
    Failed(Error),
    /// The thread has ended.
    Ended,
}

/// What the publisher and its thread share.
pub(in crate::publish) struct State {
    pub(in crate::publish) outbox: Outbox,
    pub(in crate::publish) link: Link,
    pub(in crate::publish) counts: MessageCounts,
    /// Set to end the connection: by when at the latest.
    pub(in crate::publish) closing: Option<Instant>,
    /// Whether the broker has acknowledged all, `offline` included.
    pub(in crate::publish) parted: bool,
}

/// [`State`], and how each side tells the other that it has changed. The lock is only ever held for
/// a moment.
pub(in crate::publish) struct Shared {
    state: Mutex<State>,
    /// For those who wait for a change of `link`.
    pub(in crate::publish) changed: Condvar,
    /// For the thread: there is something to send, or to close.
    pub(in crate::publish) wake: Notify,
    /// What is said on the way out.
    offline: Message,
}

impl Shared {
    pub(in crate::publish) fn new(outbox: Outbox, offline: Message) -> Self {
        Self {
            state: Mutex::new(State {
                outbox,
                link: Link::Trying,
                counts: MessageCounts::default(),
                closing: None,
                parted: false,
            }),
            changed: Condvar::new(),
            wake: Notify::new(),
            offline,
        }
    }

    pub(in crate::publish) fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole at every moment, so a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(in crate::publish) fn set_link(&self, link: Link) {
        self.lock().link = link;
        self.changed.notify_all();
    }

    /// Comes back once the connection is to be ended.
    pub(in crate::publish) async fn closing(&self) {
        while self.lock().closing.is_none() {
            self.wake.notified().await;
        }
    }

    /// Hands as much to the client as may be on its way, and says goodbye when it is time and all
    /// is acknowledged. Returns by when the connection is to end.
    pub(in crate::publish) fn pump(
        &self,
        client: &AsyncClient,
        flight: &mut Flight,
    ) -> Option<Instant> {
        let mut state = self.lock();
        loop {
            while flight.len() < WINDOW
                && let Some(message) = state.outbox.next()
            {
                let (topic, payload) = (message.topic.clone(), message.payload.clone());
                match client.try_publish(topic, QoS::AtLeastOnce, message.retained, payload) {
                    Ok(()) => {
                        flight.handed.push_back(message);
                        state.counts.unacknowledged += 1;
                    }
                    Err(_) => state.counts.dropped += 1,
                }
            }
            if state.closing.is_none() || flight.len() > 0 {
                return state.closing;
            }
            match flight.parting {
                Parting::NotYet => {
                    state.outbox.put(self.offline.clone());
                    flight.parting = Parting::Offline;
                }
                Parting::Offline => {
                    state.parted = client.try_disconnect().is_ok();
                    flight.parting = Parting::Disconnect;
                }
                Parting::Disconnect => return state.closing,
            }
        }
    }
}
