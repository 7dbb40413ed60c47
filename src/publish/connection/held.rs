//! One open connection: what is sent over it, and what comes.

mod hearing;
mod sending;

use std::sync::{Arc, MutexGuard};
use std::time::{Instant, SystemTime};

use tokio::time;

use super::backoff::LogLimit;
use super::birth::Birth;
use super::failure::{ConnectionFailure, Reason};
use super::flight::Flight;
use super::inbox::Inbox;
use super::liveness::Liveness;
use super::shared::{Shared, SharedState};
use super::subscriptions::Subscriptions;
use super::watch::Watch;
use super::wire::{Connection, Sender, WireEvent};
use crate::publish::homeassistant::Record;

/// Characters of a foreign topic that a log line shows.
const TOPIC: usize = 64;

/// The open connection, and what is known over several of them.
pub(super) struct Held {
    shared: Arc<Shared>,
    /// The server that is connected to.
    address: String,
    /// The messages in flight.
    pub(super) flight: Flight,
    birth: Birth,
    /// When all states are to be sent again.
    birth_due: Option<Instant>,
    /// Over availability.
    watch: Watch,
    /// Over the discovery topic.
    deletions: Watch,
    subscriptions: Subscriptions,
    inbox: Inbox,
    liveness: Liveness,
    /// Where what Home Assistant was told is remembered.
    record: Option<Record>,
    /// For lines about single messages.
    messages: LogLimit,
}

impl Held {
    pub(super) fn new(
        shared: Arc<Shared>,
        inbox: Inbox,
        liveness: Liveness,
        record: Option<Record>,
    ) -> Self {
        Self {
            shared,
            address: String::new(),
            flight: Flight::new(),
            birth: Birth::new(),
            birth_due: None,
            watch: Watch::over_availability(),
            deletions: Watch::over_discovery(),
            subscriptions: Subscriptions::new(&inbox.filters()),
            inbox,
            liveness,
            record,
            messages: LogLimit::default(),
        }
    }

    /// Lets the messages in flight wait again.
    pub(super) fn end(&mut self) {
        self.watch.ended();
        self.deletions.ended();
        self.birth_due = None;
        let (resting, time) = self.subscriptions.ended(Instant::now());
        if !resting.is_empty() {
            log::warn!(
                "MQTT broker {}: the connection ended again while subscribing to {}; leaving that out for {time:?}; \
                 unless the broker broke down, allow it in its access list",
                self.address,
                resting.join(", ")
            );
        }
        self.flight = Flight::new();
        let mut state = self.shared.lock();
        state.discovery.disconnected();
        state.counts.unacknowledged = 0;
        state.outbox.start_over();
    }

    /// Sends messages over an open connection. Returns why the connection was lost, or `None` after
    /// the close.
    pub(super) async fn hold(
        &mut self,
        address: String,
        sender: &Sender,
        connection: &mut Connection,
    ) -> Option<ConnectionFailure> {
        self.begin(address, sender);
        let lost = loop {
            let event = {
                // Pinned over wake-ups: a future that is dropped halfway may leave a packet half
                // sent.
                let next = connection.next();
                tokio::pin!(next);
                loop {
                    // Before the states, so that a command is heard as soon as `online` is.
                    self.subscribe(sender);
                    self.remember();
                    let deadline = self.send_waiting(sender);
                    let look = self.liveness.due_at(Instant::now());
                    tokio::select! {
                        event = &mut next => break event,
                        () = self.shared.wake.notified() => {}
                        () = sleep_until(deadline) => return None,
                        () = sleep_until(self.flight.overdue_at()) => break Err(unacknowledged("message")),
                        () = sleep_until(self.subscriptions.overdue_at()) => {
                            break Err(unacknowledged("subscription"));
                        }
                        () = sleep_until(self.watch.due_at()) => self.stay_online(),
                        () = sleep_until(self.deletions.due_at()) => self.stay_announced(),
                        () = sleep_until(self.birth_due) => self.give_birth_again(),
                        () = sleep_until(self.subscriptions.due_at()) => {}
                        () = sleep_until(look) => self.liveness.look(Instant::now()),
                    }
                }
            };
            match event {
                Ok(WireEvent::Disconnected) => return None,
                Ok(event) => match self.take(event) {
                    Ok(()) => {}
                    Err(failure) => break failure,
                },
                Err(failure) => break failure,
            }
        };
        match lost.reason {
            Reason::TooLarge => self.leave_out(),
            Reason::Violation(_) => self.shared.lock().counts.violations += 1,
            _ => {}
        }
        self.end();
        Some(lost)
    }

    fn begin(&mut self, address: String, sender: &Sender) {
        self.address = address;
        self.flight = Flight::new();
        self.birth = Birth::new();
        self.shared.note_connected();
        let most = sender.grant.max_packet;
        let discovery = &mut self.shared.lock().discovery;
        discovery.connected(most, SystemTime::now());
    }

    /// Does what follows from an event.
    ///
    /// # Errors
    /// The broker sent what is not subscribed to.
    fn take(&mut self, event: WireEvent) -> Result<(), ConnectionFailure> {
        match event {
            WireEvent::Sent(id) => self.flight.left(id),
            WireEvent::Acknowledged(id) => self.acknowledge(id),
            WireEvent::Rejected(id, why) => self.reject(id, why),
            WireEvent::Incoming(incoming) if !self.subscriptions.cover(&incoming.topic) => {
                return Err(unsubscribed(&incoming.topic));
            }
            WireEvent::Incoming(incoming) => self.hear(incoming),
            WireEvent::Subscribed(accepted) => self.note_subscribed(&accepted),
            _ => {}
        }
        Ok(())
    }

    fn acknowledge(&mut self, id: u16) {
        if let Some(ticket) = self.flight.acknowledge(id) {
            let mut state = self.shared.lock();
            state.counts.sent += u64::from(state.outbox.acknowledge(ticket));
            self.note_landed(state);
        }
    }

    /// Drops a message that the broker does not take, now or later.
    fn reject(&mut self, id: u16, why: &str) {
        if let Some(topic) = self.flight.topic(id) {
            let line = format!(
                "MQTT broker {}: it refused a message on {topic}: {why}; the message is dropped; \
                 correct the broker's access list",
                self.address
            );
            if self.messages.allows(&line, Instant::now()) {
                log::warn!("{line}");
            }
        }
        if let Some(ticket) = self.flight.acknowledge(id) {
            let mut state = self.shared.lock();
            if !state.outbox.reject(ticket) {
                state.counts.dropped += 1;
            }
            self.note_landed(state);
        }
    }

    /// Notes that one message less is in flight.
    fn note_landed(&self, mut state: MutexGuard<'_, SharedState>) {
        state.counts.unacknowledged = self.flight.len() as u64;
        if state.idle() {
            state.discovery.settled();
            drop(state);
            self.shared.note_idle();
        }
    }
}

/// The failure of a connection whose broker lost an acknowledgement.
fn unacknowledged(what: &str) -> ConnectionFailure {
    ConnectionFailure {
        reason: Reason::Unacknowledged,
        detail: format!("a {what} was not acknowledged in time"),
    }
}

/// The failure of a connection whose broker delivered a message of this topic.
fn unsubscribed(topic: &str) -> ConnectionFailure {
    // Whoever sent it chose the topic.
    let mut named: String = topic.chars().take(TOPIC).collect();
    if named.len() < topic.len() {
        named.push('…');
    }
    ConnectionFailure::violation(format!(
        "a message on {named:?}, which is not subscribed to"
    ))
}

/// Sleeps until the deadline; without one, never returns.
async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
