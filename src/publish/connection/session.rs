//! The thread that holds the connection: one connection after the other.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::time;

use super::backoff::{self, Backoff, LogLimit};
use super::failure::{ConnectionFailure, Reason};
use super::flight::{Closing, Flight, WINDOW};
use super::open::{Target, runtime};
use super::rota::Rota;
use super::shared::{Link, Shared, SharedState};
use super::watch::Watch;
use super::wire::{Connection, Grant, Incoming, Sender, Unsendable, WireEvent};
use crate::panics::{self, Panicked};
use crate::publish::Error;
use crate::publish::counts::MessageCounts;

/// What a failed try to connect means to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// There is another try, and the failure is logged.
    Endless,
    /// The caller gives up if the first try fails, and reports the failure.
    OneTry,
}

/// Starts the thread that connects to `target` and sends what `shared` holds, until
/// [`Shared::close`].
///
/// # Errors
/// [`Error::Thread`].
pub(crate) fn start(
    shared: &Arc<Shared>,
    target: Target,
    patience: Patience,
) -> Result<JoinHandle<()>, Error> {
    let runtime = runtime()?;
    let mut holder = Holder::new(Arc::clone(shared), target, patience);
    thread::Builder::new()
        .name("mqtt".into())
        .spawn(move || holder.hold(runtime))
        .map_err(|e| Error::Thread(e.to_string()))
}

/// Holds one connection after the other.
struct Holder {
    shared: Arc<Shared>,
    target: Target,
    /// The server that is connected to or tried.
    address: String,
    patience: Patience,
    /// The messages in flight. They outlive a panic of the MQTT crate.
    flight: Flight,
    watch: Watch,
    /// For lines about the connection.
    lines: LogLimit,
    /// Whether the log's last word is that there is no connection.
    trouble: bool,
    /// For lines about single messages.
    messages: LogLimit,
}

impl Holder {
    fn new(shared: Arc<Shared>, target: Target, patience: Patience) -> Self {
        Self {
            shared,
            address: target.servers[0].to_string(),
            target,
            patience,
            flight: Flight::new(),
            watch: Watch::default(),
            lines: LogLimit::default(),
            trouble: true,
            messages: LogLimit::default(),
        }
    }

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
        state.counts.unacknowledged = 0;
        state.counts.dropped += state.outbox.start_over(flight.into_messages()) as u64;
    }

    /// Connects, sends messages, and connects again after a failure, until the close. Each try has
    /// a connection of its own: whatever the MQTT crate keeps of the one before must not be sent
    /// beside what the outbox sends again.
    async fn run(&mut self) {
        let shared = Arc::clone(&self.shared);
        let mut rota = Rota::new(self.target.servers.len());
        let mut backoff = Backoff::new(self.target.jitter);
        loop {
            self.address = self.target.servers[rota.server()].to_string();
            let (mut sender, mut connection) = self.target.open(rota.server());
            let mut begun = Instant::now();
            let answer = tokio::select! {
                biased;
                () = shared.closing() => return,
                answer = accepted(&mut connection) => answer,
            };
            let failure = match answer {
                Ok(grant) => {
                    self.note_connected();
                    sender.grant = grant;
                    let end = self.hold_session(&sender, &mut connection).await;
                    // A broker that accepts us and drops us again is trouble too, so that only a
                    // long connection resets the growing pauses and the log's limit.
                    if begun.elapsed() >= backoff::REFUSED {
                        backoff.reset();
                        self.lines.reset();
                    }
                    begun = Instant::now();
                    match end {
                        Some(failure) => failure,
                        None => return,
                    }
                }
                Err(failure) => failure,
            };
            drop(connection);
            let longest = self.report(&failure);
            let pause = backoff.next(longest, begun.elapsed());
            if rota.advance() {
                backoff.note_round();
            }
            tokio::select! {
                () = shared.closing() => return,
                () = time::sleep(pause) => {}
            }
        }
    }

    /// Logs a connection unless the log takes it to be there.
    fn note_connected(&mut self) {
        let client_id = &self.target.options.client_id;
        let level = if self.trouble {
            log::Level::Info
        } else {
            log::Level::Debug
        };
        log::log!(
            level,
            "MQTT broker {}: connected as {client_id}",
            self.address
        );
        self.patience = Patience::Endless;
        self.trouble = false;
    }

    /// Logs and notes a failed connection. Returns the longest pause before the next try.
    fn report(&mut self, failure: &ConnectionFailure) -> Duration {
        let error = Error::from_connection(&self.address, failure);
        let line = error.to_string();
        if self.patience == Patience::Endless && self.lines.allows(&line, Instant::now()) {
            log::warn!("{line}; trying again");
            self.trouble = true;
        }
        log::debug!("MQTT broker {}: {failure}", self.address);
        self.shared.set_link(Link::Failed(error));
        if failure.reason.stays() {
            backoff::REFUSED
        } else {
            backoff::UNREACHABLE
        }
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
        let lost = loop {
            let event = {
                // Pinned over wake-ups: a future that is dropped halfway may leave a packet half
                // sent.
                let next = connection.next();
                tokio::pin!(next);
                loop {
                    let deadline = self.send_waiting(sender);
                    // Behind `online`, so that an `offline` from before is no answer to it.
                    if self.watch.asks(Instant::now())
                        && !sender.subscribe(&[&self.shared.offline.topic])
                    {
                        log::debug!("MQTT broker {}: no room to subscribe", self.address);
                    }
                    tokio::select! {
                        event = &mut next => break event,
                        () = self.shared.wake.notified() => {}
                        () = sleep_until(deadline) => return None,
                        () = sleep_until(self.flight.overdue_at()) => break Err(unacknowledged()),
                        () = sleep_until(self.watch.due_at(Instant::now())) => self.stay_online(),
                        () = sleep_until(self.watch.asks_at()) => {}
                    }
                }
            };
            match event {
                Ok(WireEvent::Sent(id)) => self.flight.left(id),
                Ok(WireEvent::Acknowledged(id)) => self.acknowledge(id),
                Ok(WireEvent::Rejected(id, why)) => self.reject(id, why),
                Ok(WireEvent::Incoming(message)) => self.hear(&message),
                Ok(WireEvent::Subscribed(accepted)) => {
                    self.note_subscribed(!accepted.contains(&false))
                }
                Ok(WireEvent::Disconnected) => return None,
                Ok(WireEvent::Connected(_) | WireEvent::Other) => {}
                Err(failure) => break failure,
            }
        };
        self.end_session();
        Some(lost)
    }

    fn acknowledge(&mut self, id: u16) {
        self.settle(id, |counts| counts.sent += 1);
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
        self.settle(id, |counts| counts.dropped += 1);
    }

    /// Takes a message out of flight and counts it.
    fn settle(&mut self, id: u16, count: impl FnOnce(&mut MessageCounts)) {
        if self.flight.acknowledge(id) {
            let mut state = self.shared.lock();
            count(&mut state.counts);
            state.counts.unacknowledged = self.flight.len() as u64;
            if state.idle() {
                drop(state);
                self.shared.note_idle();
            }
        }
    }

    /// Takes in a message that the broker delivered.
    fn hear(&mut self, message: &Incoming) {
        let offline = &self.shared.offline;
        if message.topic == offline.topic && message.payload == offline.payload {
            self.watch.heard();
        }
    }

    fn note_subscribed(&mut self, accepted: bool) {
        if accepted {
            self.watch.accepted();
        } else if self.watch.refused(Instant::now()) {
            log::warn!(
                "MQTT broker {}: it does not allow to subscribe to {}; if another client publishes `offline` there, \
                 that stays; allow it in the broker's access list; asking again each minute",
                self.address,
                self.shared.offline.topic
            );
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
        let window = WINDOW.min(sender.grant.window);
        let flight = &mut self.flight;
        let mut state = self.shared.lock();
        loop {
            while flight.len() < window
                && let Some(message) = state.outbox.next()
            {
                match sender.publish(&message) {
                    Ok(()) => {
                        flight.hand_over(message);
                        state.counts.unacknowledged += 1;
                    }
                    Err(why) => {
                        state.counts.dropped += 1;
                        let line = unsendable(&self.address, &message.topic, why);
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

/// Waits until the broker accepts the connection.
async fn accepted(connection: &mut Connection) -> Result<Grant, ConnectionFailure> {
    loop {
        // No other event comes before that one.
        if let WireEvent::Connected(grant) = connection.next().await? {
            return Ok(grant);
        }
    }
}

fn unsendable(address: &str, topic: &str, why: Unsendable) -> String {
    match why {
        Unsendable::NoRoom => {
            format!("MQTT broker {address}: no room to send a message on {topic}")
        }
        Unsendable::TooLarge(most) => format!(
            "MQTT broker {address}: dropped a message on {topic}: it is larger than the {most} bytes \
             that the broker takes; raise its limit"
        ),
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
