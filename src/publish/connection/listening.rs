//! A subscription that outlives its connections.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::time;

use super::backoff::{Backoff, UNREACHABLE};
use super::failure::ConnectionFailure;
use super::open::{Target, runtime, target};
use super::rota::Rota;
use super::shared::STEP;
use super::wire::WireEvent;
use crate::publish::servers::Named;
use crate::publish::{Config, Error};
use crate::threads::{self, End};

/// How long the broker may take to forget the session.
const GOODBYE: Duration = Duration::from_secs(2);

/// Hears what others publish. The broker keeps the session while the connection is away, so that
/// nothing of QoS 1 is missed. It ends when the value is dropped.
pub(crate) struct Listening {
    end: Arc<Notify>,
    thread: Option<JoinHandle<()>>,
    subscribed: Receiver<Result<(), Error>>,
    address: String,
    named: Named,
}

impl Listening {
    /// Subscribes to `filter` as `client_id`, and calls `hear` with each message: topic, payload,
    /// and whether the broker had kept it from before the subscription.
    ///
    /// # Errors
    /// Those of [`Publisher::start`](crate::publish::Publisher::start).
    pub(crate) fn start(
        config: &Config,
        client_id: String,
        filter: String,
        hear: impl FnMut(&str, &[u8], bool) + Send + 'static,
    ) -> Result<Self, Error> {
        let mut target = target(config, client_id, None)?;
        target.options.keep_session = true;
        let (runtime, end) = (runtime()?, Arc::new(Notify::new()));
        let (told, subscribed) = mpsc::channel();
        let mut ear = Ear {
            target,
            filter,
            hear,
            told,
            end: Arc::clone(&end),
        };
        let thread = threads::spawn("listening", None, move || {
            runtime.block_on(ear.listen());
            runtime.block_on(ear.forget());
            runtime.shutdown_background();
            End::Told(())
        })
        .map_err(|e| Error::Thread(e.to_string()))?;
        Ok(Self {
            end,
            thread: Some(thread),
            subscribed,
            address: config.address(),
            named: config.named(),
        })
    }

    /// Waits until the broker has accepted the subscription, at most for `limit`, and until
    /// `give_up`, which is asked several times a second.
    ///
    /// # Errors
    /// Why the first try failed; the thread keeps trying all the same.
    pub(crate) fn wait_subscribed(
        &self,
        limit: Duration,
        give_up: impl Fn() -> bool,
    ) -> Result<(), Error> {
        let end = Instant::now() + limit;
        loop {
            match self.subscribed.recv_timeout(STEP) {
                Ok(answer) => return answer,
                Err(RecvTimeoutError::Timeout) if Instant::now() < end && !give_up() => {}
                Err(_) => return Err(Error::no_answer(&self.address, self.named, limit)),
            }
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.end.notify_one();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// The thread's side.
struct Ear<F> {
    target: Target,
    filter: String,
    hear: F,
    told: mpsc::Sender<Result<(), Error>>,
    end: Arc<Notify>,
}

impl<F: FnMut(&str, &[u8], bool)> Ear<F> {
    /// Connects, listens, and connects again after a failure, until the end.
    async fn listen(&mut self) {
        let end = Arc::clone(&self.end);
        let mut rota = Rota::new(self.target.servers.len());
        let mut backoff = Backoff::new(Duration::ZERO);
        loop {
            let begun = Instant::now();
            let failure = tokio::select! {
                biased;
                () = end.notified() => return,
                failure = self.hold(rota.server()) => failure,
            };
            let address = self.target.servers[rota.server()].to_string();
            let error = Error::from_connection(&address, self.target.named, &failure);
            log::debug!("{error}");
            // Only the first answer is waited for.
            let _ = self.told.send(Err(error));
            if begun.elapsed() > UNREACHABLE {
                backoff.reset();
            }
            if rota.advance() {
                backoff.note_round();
            }
            tokio::select! {
                () = end.notified() => return,
                () = time::sleep(backoff.next(UNREACHABLE, begun.elapsed())) => {}
            }
        }
    }

    /// Listens over one connection. Returns why it ended. The filter is the caller's, and a broker
    /// that was asked to keep the session may deliver before it is subscribed to again.
    async fn hold(&mut self, server: usize) -> ConnectionFailure {
        let (sender, mut connection) = self.target.open(server);
        loop {
            match connection.next().await {
                // Subscribing again changes nothing of a session that the broker kept.
                Ok(WireEvent::Connected(_)) => drop(sender.subscribe(&[&self.filter])),
                Ok(WireEvent::Subscribed(accepted)) => {
                    let answer = match accepted.contains(&true) {
                        true => Ok(()),
                        false => Err(Error::Unheard(self.filter.clone())),
                    };
                    let _ = self.told.send(answer);
                }
                Ok(WireEvent::Incoming(message)) => {
                    (self.hear)(&message.topic, &message.payload, message.retained);
                }
                Ok(_) => {}
                Err(failure) => return failure,
            }
        }
    }

    /// Has the broker forget the session: connects once with a clean one.
    async fn forget(&mut self) {
        self.target.options.keep_session = false;
        let mut rota = Rota::new(self.target.servers.len());
        for _ in 0..self.target.servers.len() {
            let (sender, mut connection) = self.target.open(rota.server());
            let forgotten = async {
                while let Ok(event) = connection.next().await {
                    match event {
                        WireEvent::Connected(_) => drop(sender.disconnect()),
                        WireEvent::Disconnected => return true,
                        _ => {}
                    }
                }
                false
            };
            if time::timeout(GOODBYE, forgotten).await == Ok(true) {
                return;
            }
            rota.advance();
        }
    }
}
