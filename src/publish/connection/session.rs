//! The thread that holds the connection: one connection after the other.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use tokio::runtime::Runtime;
use tokio::time;

use super::backoff::{self, Backoff, LogLimit};
use super::failure::{ConnectionFailure, Reason};
use super::flight::{Closing, Flight, WINDOW};
use super::open::{open, runtime};
use super::shared::{Link, Shared, SharedState};
use super::watch::Watch;
use super::wire::{Connection, Options, Sender, WireEvent};
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
    record: Option<Record>,
) -> Result<JoinHandle<()>, Error> {
    let runtime = runtime()?;
    let mut holder = Holder {
        shared: Arc::clone(shared),
        options,
        address,
        patience,
        flight: Flight::new(),
        watch: Watch::default(),
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
    watch: Watch,
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
        self.shared.note_connected();
        self.begin_birth();
        let lost = loop {
            let event = {
                // Pinned over wake-ups: a future that is dropped halfway may leave a packet half
                // sent.
                let next = connection.next();
                tokio::pin!(next);
                loop {
                    self.remember();
                    let deadline = self.send_waiting(sender);
                    let resend = self.shared.lock().discovery.due_at();
                    // Behind `online`, so that an `offline` from before is no answer to it.
                    if self.watch.asks() {
                        let status = self.options.status.as_ref();
                        for topic in [Some(&self.shared.offline.topic), status]
                            .into_iter()
                            .flatten()
                        {
                            if !sender.subscribe(topic) {
                                log::debug!("MQTT broker {}: no room to subscribe", self.address);
                            }
                        }
                    }
                    tokio::select! {
                        event = &mut next => break event,
                        () = self.shared.wake.notified() => {}
                        () = sleep_until(deadline) => return None,
                        () = sleep_until(self.flight.overdue_at()) => break Err(unacknowledged()),
                        () = sleep_until(self.watch.due_at(Instant::now())) => self.stay_online(),
                        () = sleep_until(resend) => self.tell_again(),
                    }
                }
            };
            match event {
                Ok(WireEvent::Sent(id)) => self.flight.left(id),
                Ok(WireEvent::Acknowledged(id)) => self.acknowledge(id),
                Ok(WireEvent::Will) => self.watch.heard(),
                Ok(WireEvent::Status(retained)) => self.hear_home_assistant(retained),
                Ok(WireEvent::Subscribed(accepted)) => self.note_subscribed(accepted),
                Ok(WireEvent::Disconnected) => return None,
                Ok(WireEvent::Connected | WireEvent::Other) => {}
                Err(failure) => break failure,
            }
        };
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

    fn note_subscribed(&mut self, accepted: bool) {
        self.watch.confirmed();
        if !accepted {
            log::warn!(
                "MQTT broker {}: it does not allow to subscribe to {}; if another client publishes `offline` there, \
                 that stays; allow it in the broker's access list",
                self.address,
                self.shared.offline.topic
            );
        }
    }

    fn begin_birth(&mut self) {
        self.shared.lock().discovery.connected(SystemTime::now());
    }

    fn hear_home_assistant(&mut self, retained: bool) {
        let random =
            (RandomState::new().build_hasher().finish() >> 11) as f64 / (1u64 << 53) as f64;
        let now = Instant::now();
        self.shared
            .lock()
            .discovery
            .heard(b"online", retained, now, random);
    }

    /// Tells Home Assistant everything again.
    fn tell_again(&mut self) {
        let mut state = self.shared.lock();
        state.discovery.repeat(SystemTime::now());
        state.outbox.repeat();
    }

    /// Writes down what Home Assistant is about to be told, or what it knows now.
    fn remember(&mut self) {
        if let Some(record) = &self.record {
            let announced = self.shared.lock().discovery.unsaved().map(<[_]>::to_vec);
            if let Some(announced) = announced {
                record.write(&announced);
            }
        }
    }

    /// Publishes all states again, `online` among them, after somebody else published `offline`.
    fn stay_online(&mut self) {
        self.watch.answered(Instant::now());
        let mut state = self.shared.lock();
        // Then it was ours.
        if state.closing.is_some() {
            return;
        }
        state.outbox.start_over(std::iter::empty());
        drop(state);
        log::warn!(
            "MQTT broker {}: `offline` was published on {}, by another client or by a broker that stops; \
             publishing `online` again; give each Goldcrest an id of its own",
            self.address,
            self.shared.offline.topic
        );
    }

    /// Hands waiting messages to the connection, as many as may be in flight. On a close, sends
    /// `offline` once everything is acknowledged, and disconnects once that is acknowledged too.
    /// Returns the deadline of the close.
    fn send_waiting(&mut self, sender: &Sender) -> Option<Instant> {
        let flight = &mut self.flight;
        let mut state = self.shared.lock();
        loop {
            while flight.len() < WINDOW
                && let Some(message) = state.discovery.next().or_else(|| state.outbox.next())
            {
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
