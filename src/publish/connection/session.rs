//! The thread that holds the connection: one connection after the other.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use tokio::runtime::Runtime;
use tokio::time;

use super::backoff::{self, Backoff, LogLimit};
use super::birth::{Birth, Step};
use super::failure::{ConnectionFailure, Reason};
use super::flight::{Closing, Flight, WINDOW};
use super::inbox::{Heard, Inbox};
use super::liveness::Liveness;
use super::open::{open, runtime};
use super::shared::{Link, Shared, SharedState};
use super::subscriptions::{REST, Subscriptions};
use super::watch::Watch;
use super::wire::{Connection, Incoming, Options, Sender, WireEvent};
use crate::panics::{self, Panicked};
use crate::publish::Error;
use crate::publish::homeassistant::Record;

/// What a failed try to connect means to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// There is another try, and the failure is logged.
    Endless,
    /// The caller gives up if the first try fails, and reports the failure.
    OneTry,
}

/// Starts the thread that connects to the broker at `address` and sends what `shared` holds, until
/// [`Shared::close`].
///
/// # Errors
/// [`Error::Thread`].
pub(crate) fn start(
    shared: &Arc<Shared>,
    options: Options,
    address: String,
    patience: Patience,
    inbox: Inbox,
    liveness: Liveness,
    record: Option<Record>,
) -> Result<JoinHandle<()>, Error> {
    let runtime = runtime()?;
    let mut holder = Holder {
        shared: Arc::clone(shared),
        options,
        address,
        patience,
        flight: Flight::new(),
        birth: Birth::new(),
        birth_due: None,
        watch: Watch::default(),
        subscriptions: Subscriptions::new(&inbox.filters()),
        inbox,
        liveness,
        record,
    };
    thread::Builder::new()
        .name("mqtt".into())
        .spawn(move || holder.hold(runtime))
        .map_err(|e| Error::Thread(e.to_string()))
}

/// Holds one connection after the other.
struct Holder {
    shared: Arc<Shared>,
    options: Options,
    address: String,
    patience: Patience,
    /// The messages in flight. They outlive a panic of the MQTT crate.
    flight: Flight,
    birth: Birth,
    /// When all states are to be sent again.
    birth_due: Option<Instant>,
    watch: Watch,
    subscriptions: Subscriptions,
    inbox: Inbox,
    liveness: Liveness,
    /// Where what Home Assistant was told is remembered.
    record: Option<Record>,
}

impl Holder {
    /// The thread's main function.
    fn hold(&mut self, runtime: Runtime) {
        // The MQTT crate parses what strangers send. If it panics, it is started again.
        while self
            .contained(|holder| runtime.block_on(holder.run()))
            .is_err()
        {
            let address = &self.address;
            log::error!(
                "MQTT broker {address}: the MQTT client panicked, which is a bug; trying again"
            );
            self.shared.set_link(Link::Failed(Error::Unreachable {
                address: address.clone(),
                cause: "the MQTT client panicked".into(),
                advice: "please report this bug with the broker's name and version",
            }));
            let closing = |state: &SharedState| state.closing.is_none();
            drop(self.shared.wait_while(backoff::REFUSED, closing));
        }
        // Without waiting for a name server that does not answer.
        runtime.shutdown_background();
        self.shared.set_link(Link::Ended);
    }

    /// Calls `run`, which may panic. The messages that were in flight then are queued again.
    fn contained(&mut self, run: impl FnOnce(&mut Self)) -> Result<(), Panicked> {
        let ended = panics::contain(|| run(self));
        if ended.is_err() {
            self.end_session();
        }
        ended
    }

    /// Queues the messages in flight again, and counts those that found no room.
    fn end_session(&mut self) {
        self.watch.ended();
        self.birth_due = None;
        let resting = self.subscriptions.ended(Instant::now());
        if !resting.is_empty() {
            log::warn!(
                "MQTT broker {}: the connection ended twice while subscribing to {}; leaving that out for {REST:?}; \
                 allow it in the broker's access list",
                self.address,
                resting.join(", ")
            );
        }
        let flight = std::mem::replace(&mut self.flight, Flight::new());
        let mut state = self.shared.lock();
        state.discovery.disconnected();
        state.counts.unacknowledged = 0;
        state.counts.dropped += state.outbox.start_over(flight.into_messages()) as u64;
    }

    /// Connects, sends messages, and connects again after a failure, until the close.
    async fn run(&mut self) {
        let shared = Arc::clone(&self.shared);
        let (sender, mut connection) = open(&self.options);
        let mut backoff = Backoff::default();
        let mut limit = LogLimit::default();
        loop {
            let mut begun = Instant::now();
            let answer = tokio::select! {
                biased;
                () = shared.closing() => return,
                answer = connection.next() => answer,
            };
            let failure = match answer {
                Ok(WireEvent::Connected) => {
                    let (address, client_id) = (&self.address, &self.options.client_id);
                    log::info!("MQTT broker {address}: connected as {client_id}");
                    self.patience = Patience::Endless;
                    limit.reset();
                    let end = self.hold_session(&sender, &mut connection).await;
                    // A broker that accepts us and drops us again is trouble too, so that only a
                    // long connection resets the growing pauses.
                    if begun.elapsed() >= backoff::REFUSED {
                        backoff.reset();
                    }
                    begun = Instant::now();
                    match end {
                        Some(failure) => failure,
                        None => return,
                    }
                }
                // No other event comes before that one.
                Ok(_) => continue,
                Err(failure) => failure,
            };
            connection.forget();
            let longest = self.report(&failure, &mut limit);
            tokio::select! {
                () = shared.closing() => return,
                () = time::sleep(backoff.next(longest, begun.elapsed())) => {}
            }
        }
    }

    /// Logs and notes a failed connection. Returns the longest pause before the next try.
    fn report(&self, failure: &ConnectionFailure, limit: &mut LogLimit) -> Duration {
        let error = Error::from_connection(&self.address, failure);
        let line = error.to_string();
        if self.patience == Patience::Endless && limit.allows(&line, Instant::now()) {
            log::warn!("{line}; trying again");
        }
        log::debug!("MQTT broker {}: {failure}", self.address);
        let longest = match error {
            Error::Refused { .. } => backoff::REFUSED,
            _ => backoff::UNREACHABLE,
        };
        self.shared.set_link(Link::Failed(error));
        longest
    }

    /// Sends messages over an open connection. Returns why the connection was lost, or `None` after
    /// the close.
    async fn hold_session(
        &mut self,
        sender: &Sender,
        connection: &mut Connection,
    ) -> Option<ConnectionFailure> {
        self.flight = Flight::new();
        self.birth = Birth::new();
        self.shared.note_connected();
        self.shared.lock().discovery.connected(SystemTime::now());
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
                Ok(WireEvent::Incoming(incoming)) => self.hear(incoming),
                Ok(WireEvent::Subscribed(accepted)) => self.note_subscribed(&accepted),
                Ok(WireEvent::Disconnected) => return None,
                Ok(WireEvent::Connected | WireEvent::Other) => {}
                Err(failure) => break failure,
            }
        };
        if matches!(lost.reason, Reason::TooLarge) {
            self.leave_out();
        }
        self.end_session();
        Some(lost)
    }

    fn acknowledge(&mut self, id: u16) {
        if self.flight.acknowledge(id) {
            let mut state = self.shared.lock();
            state.counts.sent += 1;
            state.counts.unacknowledged = self.flight.len() as u64;
            if state.idle() {
                state.discovery.settled();
                drop(state);
                self.shared.note_idle();
            }
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
                 that stays; allow it in the broker's access list",
                self.address,
                self.shared.offline.topic
            );
        } else if !refused.is_empty() {
            log::warn!(
                "MQTT broker {}: it does not allow to subscribe to {}; trying again in {REST:?}; allow it in the \
                 broker's access list",
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
                let random = RandomState::new().build_hasher().finish();
                let share = random as f64 / u64::MAX as f64;
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
        let flight = &mut self.flight;
        let alive = self.liveness.alive();
        let mut state = self.shared.lock();
        loop {
            while flight.len() < WINDOW {
                let message = if let Some(message) = state.discovery.next() {
                    message
                } else {
                    match self.birth.next(&mut state.outbox, flight.len(), alive) {
                        Step::Wait => break,
                        Step::State(message) => message,
                        Step::Availability(true) => self.shared.online.clone(),
                        Step::Availability(false) => {
                            self.watch.published();
                            self.shared.offline.clone()
                        }
                        Step::Anything => {
                            let answer = state.commands.next_answer();
                            match answer.or_else(|| state.outbox.next()) {
                                Some(message) => message,
                                None => break,
                            }
                        }
                    }
                };
                if sender.publish(&message) {
                    flight.hand_over(message);
                    state.counts.unacknowledged += 1;
                } else {
                    state.counts.dropped += 1;
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

#[cfg(test)]
mod tests;
