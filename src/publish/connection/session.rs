//! The thread that holds the connection: one connection after the other.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::runtime::{self, Runtime};
use tokio::time;

use super::backoff::{self, Backoff, LogLimit};
use super::failure::{ConnectionFailure, Reason};
use super::flight::{Closing, Flight, WINDOW};
use super::shared::{Link, Shared};
use super::wire::{self, Connection, Options, Sender, WireEvent};
use crate::panics;
use crate::publish::outbox::Message;
use crate::publish::{Config, Error};

/// The options of a connection for `config`, with the password read from its file.
///
/// # Errors
/// [`Error::Password`].
pub(crate) fn options(
    config: &Config,
    client_id: String,
    will: Option<Message>,
) -> Result<Options, Error> {
    Ok(Options {
        client_id,
        host: config.dial_host(),
        port: config.port,
        login: config.login()?,
        keep_alive: Duration::from_secs(config.keep_alive.max(1)),
        max_packet: config.max_packet,
        will,
    })
}

/// A connection with room for the messages in flight and the disconnect behind them.
pub(super) fn open(options: &Options) -> (Sender, Connection) {
    wire::open(options, WINDOW + 1)
}

/// A runtime on the calling thread, with one more thread while a name is resolved.
///
/// # Errors
/// [`Error::Thread`].
pub(super) fn runtime() -> Result<Runtime, Error> {
    runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .map_err(|e| Error::Thread(e.to_string()))
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
) -> Result<JoinHandle<()>, Error> {
    let runtime = runtime()?;
    let shared = Arc::clone(shared);
    thread::Builder::new()
        .name("mqtt".into())
        .spawn(move || hold_connection(&shared, runtime, &options, &address))
        .map_err(|e| Error::Thread(e.to_string()))
}

/// The thread's main function.
fn hold_connection(shared: &Shared, runtime: Runtime, options: &Options, address: &str) {
    // The MQTT crate parses what strangers send. If it panics, it is started again.
    while panics::contain(|| runtime.block_on(run(shared, options, address))).is_err() {
        log::error!(
            "MQTT broker {address}: the MQTT client panicked, which is a bug; trying again"
        );
        shared.lock().outbox.start_over(std::iter::empty());
        shared.set_link(Link::Failed(Error::Unreachable {
            address: address.into(),
            cause: "the MQTT client panicked".into(),
            advice: "please report this bug with the broker's name and version",
        }));
        drop(shared.wait_while(backoff::REFUSED, |state| state.closing.is_none()));
    }
    // Without waiting for a name server that does not answer.
    runtime.shutdown_background();
    shared.set_link(Link::Ended);
}

/// Connects, sends messages, and connects again after a failure, until the close.
async fn run(shared: &Shared, options: &Options, address: &str) {
    let (sender, mut connection) = open(options);
    let mut backoff = Backoff::default();
    let mut limit = LogLimit::default();
    loop {
        let answer = tokio::select! {
            biased;
            () = shared.closing() => return,
            answer = connection.next() => answer,
        };
        let failure = match answer {
            Ok(WireEvent::Connected) => {
                log::info!("MQTT broker {address}: connected as {}", options.client_id);
                limit.reset();
                let start = Instant::now();
                let end = hold_session(shared, &sender, &mut connection).await;
                // A broker that accepts us and drops us again is trouble too, so that only a long
                // connection resets the growing pauses.
                if start.elapsed() >= backoff::REFUSED {
                    backoff.reset();
                }
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

        let error = Error::from_connection(address, &failure);
        let line = error.to_string();
        if limit.allows(&line, Instant::now()) {
            log::warn!("{line}; trying again");
        }
        log::debug!("MQTT broker {address}: {failure}");
        let longest = match error {
            Error::Refused { .. } => backoff::REFUSED,
            _ => backoff::UNREACHABLE,
        };
        shared.set_link(Link::Failed(error));
        tokio::select! {
            () = shared.closing() => return,
            () = time::sleep(backoff.next(longest)) => {}
        }
    }
}

/// Sends messages over an open connection. Returns why the connection was lost, or `None` after the
/// close.
async fn hold_session(
    shared: &Shared,
    sender: &Sender,
    connection: &mut Connection,
) -> Option<ConnectionFailure> {
    let mut flight = Flight::new();
    shared.note_connected();
    let lost = loop {
        let event = {
            // Pinned over wake-ups: a future that is dropped halfway may leave a packet half sent.
            let next = connection.next();
            tokio::pin!(next);
            loop {
                let deadline = send_waiting(shared, sender, &mut flight);
                tokio::select! {
                    event = &mut next => break event,
                    () = shared.wake.notified() => {}
                    () = sleep_until(deadline) => return None,
                    () = sleep_until(flight.overdue_at()) => break Err(unacknowledged()),
                }
            }
        };
        match event {
            Ok(WireEvent::Sent(id)) => flight.left(id),
            Ok(WireEvent::Acknowledged(id)) => {
                if flight.acknowledge(id) {
                    let counts = &mut shared.lock().counts;
                    counts.sent += 1;
                    counts.unacknowledged = flight.len() as u64;
                }
            }
            Ok(WireEvent::Disconnected) => return None,
            Ok(WireEvent::Connected | WireEvent::Other) => {}
            Err(failure) => break failure,
        }
    };
    let mut state = shared.lock();
    state.counts.unacknowledged = 0;
    state.counts.dropped += state.outbox.start_over(flight.into_messages()) as u64;
    Some(lost)
}

/// Hands waiting messages to the connection, as many as may be in flight. On a close, sends
/// `offline` once everything is acknowledged, and disconnects once that is acknowledged too.
/// Returns the deadline of the close.
fn send_waiting(shared: &Shared, sender: &Sender, flight: &mut Flight) -> Option<Instant> {
    let mut state = shared.lock();
    loop {
        while flight.len() < WINDOW
            && let Some(message) = state.outbox.next()
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
                state.outbox.put(shared.offline.clone());
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
