//! A client that listens to a broker.

use std::fmt;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use rumqttc_v4::{Broker as Address, Client, Event, MqttOptions, Packet, QoS};

use super::PATIENCE;
use super::broker::Broker;
use super::schema;

/// One message as a subscriber received it.
#[derive(Clone, PartialEq, Eq)]
pub struct Received {
    /// The whole topic.
    pub topic: String,
    /// The payload.
    pub bytes: Vec<u8>,
    /// The payload as text.
    pub text: String,
    /// Whether the broker had retained it.
    pub retained: bool,
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = if self.retained { ", retained" } else { "" };
        write!(f, "{}: {:?}{kept}", self.topic, self.text)
    }
}

impl Received {
    /// The payload as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{self:?} is not JSON: {e}"))
    }
}

impl Received {
    /// Fails the test if the payload is not what the schema of its topic says.
    fn hold_against_schema(&self) {
        let levels = self.topic.strip_prefix("goldcrest/");
        let Some((_, rest)) = levels.and_then(|levels| levels.split_once('/')) else {
            return;
        };
        // An empty payload clears what the broker retains.
        let cleared = rest.ends_with("label") && self.bytes.is_empty();
        if let Some(name) = schema::of_topic(rest)
            && !cleared
            && !schema::is_foreign(&self.text)
        {
            let faults = schema::faults(name, &self.text);
            assert!(faults.is_empty(), "{}: {faults:#?}", self.topic);
        }
    }
}

/// A client that listens.
pub struct Subscriber {
    client: Client,
    messages: Receiver<Received>,
}

impl Subscriber {
    /// Subscribes to `filter` and returns once the broker has confirmed it.
    pub fn new(broker: &Broker, filter: &str) -> Self {
        Self::at(broker.port(), filter)
    }

    /// Does the same at a port of a broker that has several.
    pub fn at(port: u16, filter: &str) -> Self {
        let name = format!("subscriber{:x}", rand_id());
        let mut options = MqttOptions::new(name, Address::tcp("127.0.0.1", port));
        options.set_max_packet_size(1 << 24, 1 << 24);
        let (client, mut connection) = Client::builder(options).capacity(8).build();
        client
            .subscribe(filter, QoS::AtLeastOnce)
            .expect("room for a subscription");
        let (messages, received) = mpsc::channel();
        let (confirm, confirmed) = mpsc::channel();
        thread::spawn(move || {
            // Ends with the broker or with the subscriber.
            for event in connection.iter().map_while(Result::ok) {
                match event {
                    Event::Incoming(Packet::SubAck(_)) => drop(confirm.send(())),
                    Event::Incoming(Packet::Publish(p)) => {
                        let text = String::from_utf8_lossy(&p.payload).into_owned();
                        drop(messages.send(Received {
                            topic: String::from_utf8_lossy(&p.topic).into_owned(),
                            bytes: p.payload.to_vec(),
                            text,
                            retained: p.retain,
                        }));
                    }
                    _ => {}
                }
            }
        });
        confirmed
            .recv_timeout(PATIENCE)
            .expect("the broker confirms the subscription");
        Self {
            client,
            messages: received,
        }
    }

    /// The next message, or none within `limit`.
    pub fn next(&self, limit: Duration) -> Option<Received> {
        let message = self.messages.recv_timeout(limit).ok();
        message.inspect(Received::hold_against_schema)
    }

    /// The next message on a topic that ends with `/name`, or none in time; others are skipped.
    pub fn next_on(&self, name: &str) -> Option<Received> {
        self.search(name, |_| true).ok()
    }

    /// The same, and it must come.
    pub fn expect(&self, name: &str) -> Received {
        self.expect_that(name, |_| true)
    }

    /// The next message on a topic that ends with `/name` for which `wanted` holds; others are
    /// skipped.
    pub fn expect_that(&self, name: &str, wanted: impl Fn(&Received) -> bool) -> Received {
        self.search(name, wanted)
            .unwrap_or_else(|passed| panic!("no such message on {name}; there were {passed:#?}"))
    }

    fn search(
        &self,
        name: &str,
        wanted: impl Fn(&Received) -> bool,
    ) -> Result<Received, Vec<Received>> {
        let end = Instant::now() + PATIENCE;
        let mut passed = Vec::new();
        while let Some(message) = self.next(end.saturating_duration_since(Instant::now())) {
            if message.topic.ends_with(&format!("/{name}")) && wanted(&message) {
                return Ok(message);
            }
            passed.push(message);
        }
        Err(passed)
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.client.try_disconnect().ok();
    }
}

fn rand_id() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish()
}
