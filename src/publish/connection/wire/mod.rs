//! The MQTT crates behind types of our own. No other folder names them.

#[macro_use]
mod both;
mod v4;
mod v5;

use std::time::Duration;

use super::dial::Dial;
use super::failure::{ConnectionFailure, Reason};
use crate::publish::outbox::Message;
use crate::secrets::Secret;

/// The most messages of the crate's own that may be in flight.
const INFLIGHT: u16 = 100;

/// The most messages that a broker of MQTT 5 may have under way to us.
const RECEIVED: u16 = 16;

/// Packets that the crate reads before it hands out the first of them, so that no more are held.
const BATCH: usize = 1;

/// How long a broker may take to accept a connection, the TLS handshake included, and how long a
/// write may take.
const LIMIT: Duration = Duration::from_secs(5);

/// The version of MQTT that is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// MQTT 3.1.1.
    V3,
    /// MQTT 5.
    V5,
}

/// As whom to connect, and how.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(super) version: Version,
    pub(super) client_id: String,
    /// Name and password.
    pub(super) login: Option<(String, Secret)>,
    /// Time between pings on an idle connection.
    pub(super) keep_alive: Duration,
    /// The largest packet that is sent, in bytes.
    pub(super) max_packet: usize,
    /// The largest packet that is taken, in bytes.
    pub(super) max_incoming: usize,
    /// The message that the broker publishes once the connection is lost.
    pub(super) will: Option<Message>,
    /// Whether the broker keeps the session, with its subscriptions and what waits for them, while
    /// the connection is away.
    pub(super) keep_session: bool,
}

/// What happened on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum WireEvent {
    /// The broker accepted the connection, and grants this.
    Connected(Grant),
    /// The oldest message that had not left yet left with this packet id.
    Sent(u16),
    /// The broker acknowledged the message with this packet id.
    Acknowledged(u16),
    /// The broker refused the message with this packet id, for a reason that stays.
    Rejected(u16, &'static str),
    /// The broker answered the oldest subscription that it had not answered: whether it accepted
    /// each topic, in their order.
    Subscribed(Vec<bool>),
    /// A message, subscribed to or not.
    Incoming(Incoming),
    /// The disconnect left; the connection is over.
    Disconnected,
    /// A ping left.
    Ping,
    /// The broker answered a ping.
    Pong,
    /// Anything else.
    Other,
}

/// A message that the broker delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Incoming {
    pub(super) topic: String,
    pub(super) payload: Vec<u8>,
    /// Whether the broker had kept it from before the subscription.
    pub(super) retained: bool,
    /// Where the sender wants the answer. MQTT 5 only.
    pub(super) response_topic: Option<String>,
    /// What the answer is to repeat. MQTT 5 only.
    pub(super) correlation: Option<Vec<u8>>,
}

/// What a broker allows on a connection. MQTT 3.1.1 does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grant {
    /// The most messages that may be in flight, at least 1.
    pub(super) window: usize,
    /// The largest packet that it takes, in bytes.
    pub(super) max_packet: usize,
    /// Whether it keeps messages for later subscribers.
    pub(super) retain: bool,
}

impl Default for Grant {
    fn default() -> Self {
        Self {
            window: usize::MAX,
            max_packet: usize::MAX,
            retain: true,
        }
    }
}

/// Why a message was not handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unsendable {
    /// There is no room for it.
    NoRoom,
    /// It is larger than the broker takes, in bytes.
    TooLarge(usize),
}

/// The connection. It makes progress only while [`Connection::next`] is awaited.
pub(super) struct Connection {
    events: Events,
    dial: Dial,
    connected: bool,
    /// Pings that the broker has not answered.
    pings: u32,
}

enum Events {
    V4(Box<v4::Events>),
    V5(Box<v5::Events>),
}

/// Hands messages to the connection.
pub(super) struct Sender {
    client: Client,
    /// What the broker allows.
    pub(super) grant: Grant,
}

enum Client {
    V4(v4::Client),
    V5(v5::Client),
}

/// Prepares a connection over `dial`, with room for `capacity` messages that have not left yet. The
/// first [`Connection::next`] connects.
pub(super) fn open(options: &Options, dial: Dial, capacity: usize) -> (Sender, Connection) {
    let (client, events) = match options.version {
        Version::V3 => {
            let (client, events) = v4::open(options, &dial, capacity);
            (Client::V4(client), Events::V4(Box::new(events)))
        }
        Version::V5 => {
            let (client, events) = v5::open(options, &dial, capacity);
            (Client::V5(client), Events::V5(Box::new(events)))
        }
    };
    let sender = Sender {
        client,
        grant: Grant::default(),
    };
    let connection = Connection {
        events,
        dial,
        connected: false,
        pings: 0,
    };
    (sender, connection)
}

impl Sender {
    /// Hands over a message to be sent with QoS 1.
    ///
    /// # Errors
    /// Nothing was handed over.
    pub(super) fn publish(&self, message: &Message) -> Result<(), Unsendable> {
        let handed_over = match &self.client {
            Client::V4(client) => client.publish(message),
            Client::V5(client) => {
                if v5::size(message) > self.grant.max_packet {
                    return Err(Unsendable::TooLarge(self.grant.max_packet));
                }
                client.publish(message, message.retained() && self.grant.retain)
            }
        };
        if handed_over {
            Ok(())
        } else {
            Err(Unsendable::NoRoom)
        }
    }

    /// Subscribes to `topics` in one packet. Returns false when there is no room for it.
    pub(super) fn subscribe(&self, topics: &[&str]) -> bool {
        match &self.client {
            Client::V4(client) => client.subscribe(topics),
            Client::V5(client) => client.subscribe(topics),
        }
    }

    /// Asks for a disconnect, ahead of all that has not left yet. Returns false when there is no
    /// room for it.
    pub(super) fn disconnect(&self) -> bool {
        match &self.client {
            Client::V4(client) => client.disconnect(),
            Client::V5(client) => client.disconnect(),
        }
    }
}

impl Connection {
    /// Waits for the next event. The first one is [`WireEvent::Connected`]. Dropping the future
    /// halfway may leave a packet half sent.
    ///
    /// # Errors
    /// When the try to connect failed or the connection was lost. The connection is of no use then.
    pub(super) async fn next(&mut self) -> Result<WireEvent, ConnectionFailure> {
        let event = match &mut self.events {
            Events::V4(events) => events.next().await,
            Events::V5(events) => events.next().await,
        };
        match event {
            Ok(event) => {
                self.connected |= matches!(event, WireEvent::Connected(_));
                self.pings += u32::from(event == WireEvent::Ping);
                if event == WireEvent::Pong {
                    let left = self.pings.checked_sub(1);
                    let answer = "an answer to a ping that was not sent";
                    self.pings = left.ok_or_else(|| ConnectionFailure::violation(answer))?;
                }
                Ok(event)
            }
            Err(failure) if self.connected => Err(failure),
            // What a broker of another version answers is lost on the crate.
            Err(failure) => Err(match self.dial.suspects() {
                Some(reason) => ConnectionFailure { reason, ..failure },
                None => failure.before_the_answer(),
            }),
        }
    }
}

/// What an acknowledgement is that the crate cannot place.
const NOTHING: &str = "an acknowledgement of what was not sent";

/// The reason for a packet that the crate did not expect or cannot read.
fn unreadable() -> Reason {
    Reason::NotMqtt
}
