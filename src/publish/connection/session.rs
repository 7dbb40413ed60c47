//! The thread that holds the connection: one connection after the other.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::time;

use super::backoff::{self, Backoff, LogLimit};
use super::failure::ConnectionFailure;
use super::held::Held;
use super::inbox::Inbox;
use super::liveness::Liveness;
use super::open::{Target, runtime};
use super::rota::Rota;
use super::shared::{Link, Shared, SharedState};
use super::wire::{Connection, Grant, WireEvent};
use crate::panics::{self, Panicked};
use crate::publish::Error;
use crate::publish::homeassistant::Record;
use crate::threads::{self, End};

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
    inbox: Inbox,
    liveness: Liveness,
    record: Option<Record>,
) -> Result<JoinHandle<()>, Error> {
    let runtime = runtime()?;
    let held = Held::new(Arc::clone(shared), inbox, liveness, record);
    let mut holder = Holder::new(Arc::clone(shared), target, patience, held);
    threads::spawn("mqtt", None, move || {
        holder.hold(runtime);
        match holder.shared.lock().closing {
            Some(_) => End::Told(()),
            None => End::Early,
        }
    })
    .map_err(|e| Error::Thread(e.to_string()))
}

/// Does the same as a future, which runs wherever it is polled. A panic of the MQTT crate ends it.
pub(super) fn hold(
    shared: &Arc<Shared>,
    target: Target,
    patience: Patience,
    inbox: Inbox,
    liveness: Liveness,
) -> impl Future<Output = ()> + Send + use<> {
    let shared = Arc::clone(shared);
    let held = Held::new(Arc::clone(&shared), inbox, liveness, None);
    let mut holder = Holder::new(Arc::clone(&shared), target, patience, held);
    async move {
        holder.run().await;
        shared.set_link(Link::Ended);
    }
}

/// Tells those that wait for the thread that it has ended, however it did.
struct EndAtDrop(Arc<Shared>);

impl Drop for EndAtDrop {
    fn drop(&mut self) {
        self.0.set_link(Link::Ended);
    }
}

/// Holds one connection after the other.
struct Holder {
    shared: Arc<Shared>,
    target: Target,
    /// The server that is connected to or tried.
    address: String,
    patience: Patience,
    /// The open connection, if there is one. It outlives a panic of the MQTT crate.
    held: Held,
    /// For lines about the connection.
    lines: LogLimit,
    /// Whether the log's last word is that there is no connection.
    trouble: bool,
}

impl Holder {
    fn new(shared: Arc<Shared>, target: Target, patience: Patience, held: Held) -> Self {
        Self {
            shared,
            address: target.servers[0].to_string(),
            target,
            patience,
            held,
            lines: LogLimit::default(),
            trouble: true,
        }
    }

    /// The thread's main function.
    fn hold(&mut self, runtime: Runtime) {
        let _ended = EndAtDrop(Arc::clone(&self.shared));
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
                advice: "please report this bug with the broker's name and version".into(),
            }));
            let closing = |state: &SharedState| state.closing.is_none();
            drop(self.shared.wait_while(backoff::REFUSED, closing));
        }
        // Without waiting for a name server that does not answer.
        runtime.shutdown_background();
    }

    /// Calls `run`, which may panic. The messages that were in flight then wait again.
    fn contained(&mut self, run: impl FnOnce(&mut Self)) -> Result<(), Panicked> {
        let ended = panics::contain(|| run(self));
        if ended.is_err() {
            self.held.end();
        }
        ended
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
                    let address = self.address.clone();
                    let end = self.held.hold(address, &sender, &mut connection).await;
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
        let error = Error::from_connection(&self.address, self.target.named, failure);
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

#[cfg(test)]
mod tests;
