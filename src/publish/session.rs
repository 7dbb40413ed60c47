//! The thread's side: one connection after the other.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rumqttc::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, Outgoing, Packet, QoS};
use tokio::sync::Notify;
use tokio::time;

use super::backoff::{self, Backoff, LogLimit};
use super::client::Counts;
use super::outbox::{Message, Outbox};
use super::{Config, Error};

/// How many messages may be on their way to the broker, not acknowledged yet. Far below the 100 packet ids that rumqttc
/// goes round in, so that an id is free again before its turn comes.
const WINDOW: usize = 16;

/// How the connection stands.
#[derive(Clone, Debug)]
pub(super) enum Link {
    /// The first connection is under way.
    Trying,
    Connected,
    /// The last try failed, or the connection was lost.
    Failed(Error),
    /// The thread has ended.
    Ended,
}

/// What the publisher and its thread share.
pub(super) struct State {
    pub(super) outbox: Outbox,
    pub(super) link: Link,
    pub(super) counts: Counts,
    /// Set to end the connection: by when at the latest.
    pub(super) closing: Option<Instant>,
    /// Whether the broker has acknowledged all, `offline` included.
    pub(super) parted: bool,
}

/// [`State`], and how each side tells the other that it has changed. The lock is only ever held for a moment.
pub(super) struct Shared {
    state: Mutex<State>,
    /// For those who wait for a change of `link`.
    pub(super) changed: Condvar,
    /// For the thread: there is something to send, or to close.
    pub(super) wake: Notify,
    /// What is said on the way out.
    offline: Message,
}

impl Shared {
    pub(super) fn new(outbox: Outbox, offline: Message) -> Self {
        Self {
            state: Mutex::new(State {
                outbox,
                link: Link::Trying,
                counts: Counts::default(),
                closing: None,
                parted: false,
            }),
            changed: Condvar::new(),
            wake: Notify::new(),
            offline,
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole at every moment, so a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_link(&self, link: Link) {
        self.lock().link = link;
        self.changed.notify_all();
    }

    /// Comes back once the connection is to be ended.
    async fn closing(&self) {
        while self.lock().closing.is_none() {
            self.wake.notified().await;
        }
    }

    /// Hands as much to the client as may be on its way, and says goodbye when it is time and all is acknowledged.
    /// Returns by when the connection is to end.
    fn pump(&self, client: &AsyncClient, flight: &mut Flight) -> Option<Instant> {
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

/// How far the goodbye has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parting {
    NotYet,
    Offline,
    Disconnect,
}

/// The messages on their way on one connection.
#[derive(Debug)]
struct Flight {
    /// Handed to the client, which has not given them a packet id yet.
    handed: VecDeque<Message>,
    /// Sent, by packet id, and not acknowledged yet.
    sent: Vec<(u16, Message)>,
    parting: Parting,
}

impl Flight {
    fn new() -> Self {
        Self {
            handed: VecDeque::with_capacity(WINDOW),
            sent: Vec::with_capacity(WINDOW),
            parting: Parting::NotYet,
        }
    }

    fn len(&self) -> usize {
        self.handed.len() + self.sent.len()
    }

    fn has_left(&mut self, id: u16) {
        if let Some(message) = self.handed.pop_front() {
            self.sent.push((id, message));
        }
    }

    /// Whether there was such a message.
    fn acknowledged(&mut self, id: u16) -> bool {
        let place = self.sent.iter().position(|(sent, _)| *sent == id);
        place.map(|place| self.sent.remove(place)).is_some()
    }

    /// What was not acknowledged, oldest first.
    fn into_messages(self) -> impl DoubleEndedIterator<Item = Message> {
        self.sent
            .into_iter()
            .map(|(_, message)| message)
            .chain(self.handed)
    }
}

/// The client's options, without a last will.
pub(super) fn options(config: &Config, client_id: String) -> Result<MqttOptions, Error> {
    let mut options = MqttOptions::new(client_id, config.dial_host(), config.port);
    options
        .set_keep_alive(Duration::from_secs(config.keep_alive.max(1)))
        .set_max_packet_size(config.max_packet, config.max_packet)
        .set_clean_session(true);
    if let Some((username, password)) = config.login()? {
        options.set_credentials(username, password.reveal());
    }
    Ok(options)
}

/// The client with its connection.
pub(super) fn client(options: MqttOptions) -> (AsyncClient, EventLoop) {
    // One more place than messages may be under way, for the disconnect.
    let (client, mut connection) = AsyncClient::new(options, WINDOW + 1);
    let mut network = connection.network_options();
    network.set_tcp_nodelay(true);
    connection.set_network_options(network);
    (client, connection)
}

/// Connects, says what is to be said, and connects again, until it is to end.
pub(super) async fn run(shared: &Shared, options: MqttOptions, address: &str) {
    let name = options.client_id();
    let (client, mut connection) = client(options);
    let mut backoff = Backoff::default();
    let mut limit = LogLimit::default();
    loop {
        let answer = tokio::select! {
            biased;
            () = shared.closing() => return,
            answer = connection.poll() => answer,
        };
        let failure = match answer {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                log::info!("MQTT broker {address}: connected as {name}");
                limit.reset();
                let start = Instant::now();
                let end = converse(shared, &client, &mut connection).await;
                // A broker that lets us in and throws us out again is trouble too: only time ends the growing pauses.
                if start.elapsed() >= backoff::LONGEST {
                    backoff.reset();
                }
                match end {
                    Some(failure) => failure,
                    None => return,
                }
            }
            // No other packet comes before that one.
            Ok(_) => continue,
            Err(failure) => failure,
        };
        // rumqttc keeps all this for a session that goes on. Ours starts anew, and the outbox sends again.
        connection.pending.clear();
        connection.state.events.clear();
        connection.state.collision = None;

        let error = Error::from_connection(address, &failure);
        let line = error.to_string();
        if limit.lets(&line, Instant::now()) {
            log::warn!("{line}; trying again");
        }
        log::debug!("MQTT broker {address}: {failure}");
        shared.set_link(Link::Failed(error));
        tokio::select! {
            () = shared.closing() => return,
            () = time::sleep(backoff.next()) => {}
        }
    }
}

/// Speaks on a connection that stands. Returns why it was lost, or `None` when it was to end.
async fn converse(
    shared: &Shared,
    client: &AsyncClient,
    connection: &mut EventLoop,
) -> Option<ConnectionError> {
    let mut flight = Flight::new();
    {
        let mut state = shared.lock();
        state.counts.connections += 1;
        state.link = Link::Connected;
    }
    shared.changed.notify_all();
    let lost = loop {
        let event = {
            // Pinned over wake-ups: a poll that is dropped halfway may leave a packet half sent.
            let poll = connection.poll();
            tokio::pin!(poll);
            loop {
                let deadline = shared.pump(client, &mut flight);
                tokio::select! {
                    event = &mut poll => break event,
                    () = shared.wake.notified() => {}
                    () = until(deadline) => return None,
                }
            }
        };
        match event {
            Ok(Event::Outgoing(Outgoing::Publish(id))) => flight.has_left(id),
            Ok(Event::Incoming(Packet::PubAck(ack))) => {
                if flight.acknowledged(ack.pkid) {
                    let counts = &mut shared.lock().counts;
                    counts.sent += 1;
                    counts.unacknowledged = flight.len() as u64;
                }
            }
            Ok(Event::Outgoing(Outgoing::Disconnect)) => return None,
            Ok(_) => {}
            Err(failure) => break failure,
        }
    };
    let mut state = shared.lock();
    state.counts.unacknowledged = 0;
    state.counts.dropped += state.outbox.start_over(flight.into_messages()) as u64;
    Some(lost)
}

/// Comes back at the deadline, or never without one.
async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
