//! The caller's side: saying things without ever waiting.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rumqttc::{LastWill, MqttOptions, QoS};
use tokio::runtime::{self, Runtime};

use super::connection::backoff::{self, LogLimit};
use super::connection::client_id::{client_id, visitor_id};
use super::connection::session;
use super::connection::shared::{Link, Shared, State};
use super::counts::MessageCounts;
use super::outbox::{Message, Outbox};
use super::{Config, Error, Payload, Topics};
use crate::observe::Update;

/// Says things over MQTT; see the [module](super).
pub struct Publisher {
    shared: Arc<Shared>,
    topics: Topics,
    address: String,
    max_packet: usize,
    limit: Mutex<LogLimit>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Publisher {
    /// Starts the thread that connects to the broker of `config`, which is taken as
    /// [checked](Config::check), for the instance `id`. Whether there is a broker is not known yet:
    /// see [`Publisher::wait_connected`].
    ///
    /// # Errors
    /// [`Error::Id`]; [`Error::Config`] when the password's file cannot be read; [`Error::Thread`].
    pub fn start(config: &Config, id: &str) -> Result<Self, Error> {
        Self::start_as(client_id(config, id), config, id)
    }

    /// The same under a client id of its own, so that a daemon that runs on the same configuration
    /// is not pushed out. `purpose` becomes a part of that id.
    ///
    /// # Errors
    /// As [`Publisher::start`].
    pub fn visit(config: &Config, id: &str, purpose: &str) -> Result<Self, Error> {
        Self::start_as(visitor_id(config, id, purpose), config, id)
    }

    fn start_as(client_id: String, config: &Config, id: &str) -> Result<Self, Error> {
        let topics = Topics::new(&config.base, id)?;
        let availability = |word: &str| Message {
            topic: topics.availability.clone(),
            payload: word.into(),
            retained: true,
        };
        let mut options = session::options(config, client_id)?;
        let will = availability("offline");
        options.set_last_will(LastWill::new(
            will.topic.clone(),
            will.payload.clone(),
            QoS::AtLeastOnce,
            will.retained,
        ));
        let mut outbox = Outbox::new(config.queue);
        outbox.put(availability("online"));
        let shared = Arc::new(Shared::new(outbox, will));
        let runtime = runtime()?;
        let thread = {
            let (shared, address) = (Arc::clone(&shared), config.address());
            thread::Builder::new()
                .name("mqtt".into())
                .spawn(move || hold_connection(&shared, runtime, &options, &address))
                .map_err(|e| Error::Thread(e.to_string()))?
        };
        Ok(Self {
            shared,
            topics,
            address: config.address(),
            max_packet: config.max_packet,
            limit: Mutex::default(),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Says one thing. Returns at once, whatever the connection does; what cannot be kept is
    /// counted.
    pub fn say(&self, payload: &Payload<'_>) {
        let topic = payload.topic(&self.topics).to_string();
        match payload.to_json() {
            Ok(json) => self.put(Message {
                topic,
                payload: json,
                retained: payload.retained(),
            }),
            Err(e) => self.drop_one(&format!("{topic}: cannot be written as JSON: {e}")),
        }
    }

    /// Says what the observer has to say, seen with the model whose hash is `model`: the label, and
    /// on a change the event. Returns at once.
    pub fn report(&self, say: &Update<'_>, model: &str) {
        for payload in Payload::of(say, model) {
            self.say(&payload);
        }
    }

    /// What became of all that was to be said.
    pub fn counts(&self) -> MessageCounts {
        let state = self.shared.lock();
        MessageCounts {
            waiting: state.outbox.len() as u64,
            connected: matches!(state.link, Link::Connected),
            ..state.counts
        }
    }

    /// Waits until the first try to connect has an outcome, and otherwise returns how the
    /// connection stands.
    ///
    /// # Errors
    /// [`Error::Unreachable`] or [`Error::Refused`]. The thread goes on trying all the same.
    pub fn wait_connected(&self, timeout: Duration) -> Result<(), Error> {
        let state = self.shared.lock();
        let trying = |state: &mut State| matches!(state.link, Link::Trying);
        let (state, _) = self
            .shared
            .changed
            .wait_timeout_while(state, timeout, trying)
            .unwrap_or_else(PoisonError::into_inner);
        match &state.link {
            Link::Connected => Ok(()),
            Link::Failed(error) => Err(error.clone()),
            Link::Trying => Err(no_answer(&self.address, timeout)),
            Link::Ended => Err(Error::Thread("it has been closed".into())),
        }
    }

    /// Sends what waits, says `offline`, disconnects and ends the thread, all within `timeout`.
    ///
    /// Returns whether the broker has acknowledged it all. When it has not, it says `offline` by
    /// itself once it sees that the connection is gone.
    pub fn close(&self, timeout: Duration) -> bool {
        let start = Instant::now();
        // The thread gives up a little earlier, so that it can be waited for.
        self.end(start + timeout.mul_f32(0.75));
        let running = |state: &mut State| !matches!(state.link, Link::Ended);
        let (state, _) = self
            .shared
            .changed
            .wait_timeout_while(self.shared.lock(), timeout, running)
            .unwrap_or_else(PoisonError::into_inner);
        let (ended, parted) = (matches!(state.link, Link::Ended), state.parted);
        drop(state);
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        match thread {
            // Its last act was to say that it has ended.
            Some(thread) if ended => drop(thread.join()),
            Some(_) => {
                log::warn!("the MQTT thread did not end within {timeout:?} and is left behind")
            }
            None => {}
        }
        parted
    }

    fn end(&self, deadline: Instant) {
        self.shared.lock().closing.get_or_insert(deadline);
        self.shared.changed.notify_all();
        self.shared.wake.notify_one();
    }

    fn put(&self, message: Message) {
        // The fixed header takes at most 5 bytes, the topic's length and the packet id 2 each.
        let size = message.topic.len() + message.payload.len() + 9;
        if size > self.max_packet {
            return self.drop_one(&format!(
                "{}: a message is larger than mqtt.max_packet, which is {} bytes, and is not sent",
                message.topic, self.max_packet
            ));
        }
        let mut state = self.shared.lock();
        if state.closing.is_some() {
            state.counts.dropped += 1;
            return;
        }
        match state.outbox.put(message) {
            Some(gone) if gone.retained => state.counts.replaced += 1,
            Some(_) => state.counts.dropped += 1,
            None => {}
        }
        drop(state);
        self.shared.wake.notify_one();
    }

    fn drop_one(&self, why: &str) {
        self.shared.lock().counts.dropped += 1;
        let mut limit = self.limit.lock().unwrap_or_else(PoisonError::into_inner);
        if limit.lets(why, Instant::now()) {
            log::warn!("{why}");
        }
    }
}

impl Drop for Publisher {
    /// Lets the thread end by itself, without waiting for it.
    fn drop(&mut self) {
        self.end(Instant::now() + Duration::from_secs(1));
    }
}

pub(super) fn no_answer(address: &str, limit: Duration) -> Error {
    Error::Unreachable {
        address: address.into(),
        cause: format!("no answer within {limit:?}"),
        advice: "check mqtt.host, mqtt.port and the network between",
    }
}

/// One thread, the caller's; and one more while a name is looked up.
pub(super) fn runtime() -> Result<Runtime, Error> {
    runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .map_err(|e| Error::Thread(e.to_string()))
}

/// The thread: holds the connection until it is to end.
fn hold_connection(shared: &Shared, runtime: Runtime, options: &MqttOptions, address: &str) {
    // The client library parses what strangers send. Should it panic, it is started anew.
    while catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(session::run(shared, options.clone(), address));
    }))
    .is_err()
    {
        log::error!("MQTT broker {address}: the client failed by a bug of its own; trying again");
        let mut state = shared.lock();
        state.link = Link::Failed(Error::Unreachable {
            address: address.into(),
            cause: "the client failed by a bug of its own".into(),
            advice: "please report it with the broker's name and version",
        });
        shared.changed.notify_all();
        state.outbox.start_over(std::iter::empty());
        let open = |state: &mut State| state.closing.is_none();
        let pause = backoff::LONGEST;
        drop(shared.changed.wait_timeout_while(state, pause, open));
    }
    // Without waiting for a name server that does not answer.
    runtime.shutdown_background();
    shared.set_link(Link::Ended);
}
