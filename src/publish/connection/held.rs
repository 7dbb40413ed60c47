//! One open connection: what is sent over it, and what comes.

use std::sync::{Arc, MutexGuard};
use std::time::{Instant, SystemTime};

use tokio::time;

use super::backoff::LogLimit;
use super::birth::{Birth, Step};
use super::failure::{ConnectionFailure, Reason};
use super::flight::{Closing, Flight};
use super::inbox::{Heard, Inbox};
use super::liveness::Liveness;
use super::rota::random;
use super::shared::{Shared, SharedState};
use super::subscriptions::{REST, Subscriptions};
use super::watch::Watch;
use super::wire::{Connection, Incoming, Sender, Unsendable, WireEvent};
use crate::publish::homeassistant::Record;
use crate::publish::outbox::Ticket;

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
    watch: Watch,
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
            watch: Watch::default(),
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
        self.address = address;
        self.flight = Flight::new();
        self.birth = Birth::new();
        self.shared.note_connected();
        let most = sender.grant.max_packet;
        self.shared
            .lock()
            .discovery
            .connected(most, SystemTime::now());
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
                        () = sleep_until(self.flight.overdue_at()) => break Err(unacknowledged()),
                        () = sleep_until(self.watch.due_at()) => self.stay_online(),
                        () = sleep_until(self.birth_due) => self.give_birth_again(),
                        () = sleep_until(self.subscriptions.due_at()) => {}
                        () = sleep_until(look) => self.liveness.look(Instant::now()),
                    }
                }
            };
            match event {
                Ok(WireEvent::Sent(id)) => self.flight.left(id),
                Ok(WireEvent::Acknowledged(id)) => self.acknowledge(id),
                Ok(WireEvent::Rejected(id, why)) => self.reject(id, why),
                Ok(WireEvent::Incoming(incoming)) => self.hear(incoming),
                Ok(WireEvent::Subscribed(accepted)) => self.note_subscribed(&accepted),
                Ok(WireEvent::Disconnected) => return None,
                Ok(WireEvent::Connected(_) | WireEvent::Other) => {}
                Err(failure) => break failure,
            }
        };
        if matches!(lost.reason, Reason::TooLarge) {
            self.leave_out();
        }
        self.end();
        Some(lost)
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

    /// Subscribes to what is still to be subscribed to.
    fn subscribe(&mut self, sender: &Sender) {
        while let Some(filters) = self.subscriptions.next(Instant::now()) {
            if !sender.subscribe(&filters) {
                log::debug!("MQTT broker {}: no room to subscribe", self.address);
            }
        }
    }

    fn note_subscribed(&mut self, accepted: &[bool]) {
        let refused = self.subscriptions.answered(accepted, Instant::now());
        if refused.contains(&self.shared.offline.topic.as_str()) {
            log::warn!(
                "MQTT broker {}: it does not allow to subscribe to {}; if another client publishes `offline` there, \
                 that stays; allow it in the broker's access list; asking again each minute",
                self.address,
                self.shared.offline.topic
            );
        } else if !refused.is_empty() {
            log::warn!(
                "MQTT broker {}: it does not allow to subscribe to {}; allow it in the broker's access list; \
                 asking again each minute",
                self.address,
                refused.join(", ")
            );
        }
    }

    /// Leaves out subscriptions after a message above the largest packet, which would end each
    /// connection if it is retained.
    fn leave_out(&mut self) {
        let resting = self.subscriptions.too_large(Instant::now());
        log::warn!(
            "MQTT broker {}: a message larger than mqtt.max_packet came on {}; not subscribing to that for {REST:?}; \
             delete the message if it is retained, with `mosquitto_pub -r -n -t TOPIC`",
            self.address,
            resting.join(" or ")
        );
    }

    fn hear(&mut self, incoming: Incoming) {
        let now = Instant::now();
        let heard = self
            .inbox
            .hear(incoming, &mut self.shared.lock().commands, now);
        match heard {
            Heard::Nothing => {}
            Heard::Offline => self.watch.heard(now),
            Heard::Birth => {
                let share = random() as f64 / u64::MAX as f64;
                let delay = self.shared.lock().discovery.delay(share);
                self.birth_due.get_or_insert(now + delay);
            }
        }
    }

    /// Publishes all states again, `online` among them, after somebody else published `offline`.
    fn stay_online(&mut self) {
        self.watch.answered(Instant::now());
        // Otherwise it was ours, or what we would publish.
        if self.shared.lock().closing.is_some() || !self.birth.is_online() {
            return;
        }
        self.give_birth_again();
        log::warn!(
            "MQTT broker {}: `offline` was published on {}, by another client or by the broker; publishing `online` \
             again; give each Goldcrest an id of its own",
            self.address,
            self.shared.offline.topic
        );
    }

    /// Publishes all states again, and `online` after them. Home Assistant, if it has started,
    /// knows nothing of what is not retained, so the last report is sent again too.
    fn give_birth_again(&mut self) {
        self.birth_due = None;
        self.birth = Birth::new();
        let mut state = self.shared.lock();
        state.discovery.repeat(SystemTime::now());
        state.outbox.repeat();
    }

    /// Writes down what Home Assistant is about to be told, or what it knows now.
    fn remember(&mut self) {
        let Some(record) = &self.record else {
            return;
        };
        let announced = self.shared.lock().discovery.unsaved();
        if let Some(announced) = announced {
            record.write(&announced);
        }
    }

    /// Hands waiting messages to the connection, as many as may be in flight. On a close, sends
    /// `offline` once everything is acknowledged, and disconnects once that is acknowledged too.
    /// Returns the deadline of the close.
    fn send_waiting(&mut self, sender: &Sender) -> Option<Instant> {
        let window = sender.grant.window;
        let flight = &mut self.flight;
        let alive = self.liveness.alive();
        let mut state = self.shared.lock();
        loop {
            while flight.has_room(window) {
                let (ticket, message) = if let Some(message) = state.discovery.next() {
                    (Ticket::Free, message)
                } else {
                    match self.birth.next(&mut state.outbox, flight.len(), alive) {
                        Step::Wait => break,
                        Step::State(ticket, message) => (ticket, message),
                        Step::Availability(true) => (Ticket::Free, self.shared.online.clone()),
                        Step::Availability(false) => {
                            self.watch.published();
                            (Ticket::Free, self.shared.offline.clone())
                        }
                        Step::Anything => {
                            let answer = state.commands.next_answer();
                            let answer = answer.map(|answer| (Ticket::Free, answer));
                            match answer.or_else(|| state.outbox.next()) {
                                Some(next) => next,
                                None => break,
                            }
                        }
                    }
                };
                match sender.publish(&message) {
                    Ok(()) => {
                        flight.hand_over(ticket, &message);
                        state.counts.unacknowledged += 1;
                    }
                    Err(Unsendable::NoRoom) => {
                        state.outbox.give_back(ticket);
                        return state.closing;
                    }
                    Err(Unsendable::TooLarge(most)) => {
                        if !state.outbox.reject(ticket) {
                            state.counts.dropped += 1;
                        }
                        let line = format!(
                            "MQTT broker {}: dropped a message on {}: it is larger than the {most} bytes \
                             that the broker takes; raise its limit",
                            self.address, message.topic
                        );
                        if self.messages.allows(&line, Instant::now()) {
                            log::warn!("{line}");
                        }
                    }
                }
            }
            if state.closing.is_none() || flight.len() > 0 {
                return state.closing;
            }
            match flight.closing {
                Closing::NotStarted => {
                    state.outbox.put(self.shared.offline.clone());
                    flight.closing = Closing::Offline;
                }
                Closing::Offline => {
                    state.closed_cleanly = sender.disconnect();
                    flight.closing = Closing::Disconnect;
                }
                Closing::Disconnect => return state.closing,
            }
        }
    }
}

/// The failure of a connection whose broker lost an acknowledgement.
fn unacknowledged() -> ConnectionFailure {
    ConnectionFailure {
        reason: Reason::Unacknowledged,
        detail: "a message was not acknowledged in time".into(),
    }
}

/// Sleeps until the deadline; without one, never returns.
async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
