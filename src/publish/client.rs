//! The caller's side: publishing without waiting for the network.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::connection::{self, Link, LogLimit, Patience, Shared, client_id, temporary_client_id};
use super::counts::MessageCounts;
use super::outbox::{Message, MessageKind, Outbox};
use super::{Config, Error, Payload, SnapshotInfo, Topics};
use crate::observe::Update;

/// Publishes over MQTT; see the [module](super).
pub struct Publisher {
    shared: Arc<Shared>,
    topics: Topics,
    address: String,
    max_packet: usize,
    limit: Mutex<LogLimit>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Publisher {
    /// Starts the thread that connects to the broker, for the instance `id`. `config` must have
    /// passed its check. Returns before the thread has connected: see
    /// [`Publisher::wait_connected`].
    ///
    /// # Errors
    /// [`Error::Id`]; [`Error::Password`] when the password's file cannot be read;
    /// [`Error::Thread`].
    pub fn start(config: &Config, id: &str) -> Result<Self, Error> {
        Self::start_as(client_id(config, id), config, id, Patience::Endless)
    }

    /// Does the same with a client id for a short `purpose`, so that a daemon that runs with the
    /// same configuration stays connected. The caller gives up, and reports that, if
    /// [`Publisher::wait_connected`] fails.
    ///
    /// # Errors
    /// Those of [`Publisher::start`].
    pub(crate) fn start_temporary(config: &Config, id: &str, purpose: &str) -> Result<Self, Error> {
        let client_id = temporary_client_id(config, id, purpose);
        Self::start_as(client_id, config, id, Patience::OneTry)
    }

    fn start_as(
        client_id: String,
        config: &Config,
        id: &str,
        patience: Patience,
    ) -> Result<Self, Error> {
        let topics = Topics::new(&config.base, id)?;
        let availability = |word: &str| Message {
            topic: topics.availability.clone(),
            payload: word.into(),
            kind: MessageKind::State,
        };
        let offline = availability("offline");
        let options = connection::options(config, client_id, Some(offline.clone()))?;
        let mut outbox = Outbox::new(config.queue);
        outbox.put(availability("online"));
        let shared = Arc::new(Shared::new(outbox, offline));
        let thread = connection::start(&shared, options, config.address(), patience)?;
        Ok(Self {
            shared,
            topics,
            address: config.address(),
            max_packet: config.max_packet,
            limit: Mutex::default(),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Queues one message. Returns at once, whatever the state of the connection; a message that
    /// cannot be kept is counted as dropped.
    pub fn publish(&self, payload: &Payload<'_>) {
        let topic = payload.topic(&self.topics).to_string();
        match payload.to_json() {
            Ok(json) => self.put(Message {
                topic,
                payload: json,
                kind: payload.kind(),
            }),
            Err(e) => self.drop_message(&format!("{topic}: cannot write the message as JSON: {e}")),
        }
    }

    /// Queues the messages for one update of the observer, made with the model whose hash is
    /// `model`: the label, and on a change the event, whose id is returned. Returns at once.
    pub fn publish_update(&self, update: &Update<'_>, model: &str) -> Option<String> {
        let mut id = None;
        for payload in Payload::of(update, model) {
            self.publish(&payload);
            if let Payload::Event(event) = payload {
                id = Some(event.event);
            }
        }
        id
    }

    /// Queues the file `jpeg`, and what it shows before it. Only the newest picture waits for the
    /// broker, which keeps it if `retain` is set. Returns at once.
    pub(crate) fn publish_snapshot(&self, info: SnapshotInfo<'_>, jpeg: Vec<u8>, retain: bool) {
        let info = Payload::Snapshot(info, retain);
        self.publish(&info);
        self.put(Message {
            topic: self.topics.snapshot.clone(),
            payload: jpeg,
            kind: info.kind(),
        });
    }

    /// What became of the messages so far.
    pub fn counts(&self) -> MessageCounts {
        let state = self.shared.lock();
        MessageCounts {
            waiting: state.outbox.len() as u64,
            connected: matches!(state.link, Link::Connected),
            ..state.counts
        }
    }

    /// Waits for the result of the first try to connect, until `give_up`, which is asked several
    /// times a second. After that, returns the present state of the connection at once.
    ///
    /// # Errors
    /// [`Error::Unreachable`] or [`Error::Refused`]: the thread keeps trying all the same.
    /// [`Error::Closed`] after [`Publisher::close`].
    pub fn wait_connected(
        &self,
        timeout: Duration,
        give_up: impl Fn() -> bool,
    ) -> Result<(), Error> {
        let trying = |link: &Link| matches!(link, Link::Trying);
        let start = Instant::now();
        let state = loop {
            let step = timeout
                .saturating_sub(start.elapsed())
                .min(connection::STEP);
            let state = self.shared.wait_while(step, |state| trying(&state.link));
            if step.is_zero() || !trying(&state.link) || give_up() {
                break state;
            }
        };
        match &state.link {
            Link::Connected => Ok(()),
            Link::Failed(error) => Err(error.clone()),
            Link::Trying => Err(Error::no_answer(&self.address, timeout)),
            Link::Ended => Err(Error::Closed),
        }
    }

    /// Waits until the broker acknowledged all messages so far, at most for `timeout`. A newer
    /// message of a state would otherwise take the place of one that still waits.
    pub(crate) fn drain(&self, timeout: Duration) {
        drop(self.shared.wait_while(timeout, |state| !state.idle()));
    }

    /// Sends the waiting messages and `offline`, disconnects and ends the thread, all within
    /// `timeout`.
    ///
    /// Returns true when the broker acknowledged everything. Otherwise the broker publishes the
    /// last will, `offline`, once it notices that the connection is gone.
    pub fn close(&self, timeout: Duration) -> bool {
        let start = Instant::now();
        // The thread's deadline is earlier, which leaves time to join it.
        self.shared.close(start + timeout.mul_f32(0.75));
        let ended = |link: &Link| matches!(link, Link::Ended);
        let state = self.shared.wait_while(timeout, |state| !ended(&state.link));
        let (ended, closed_cleanly) = (ended(&state.link), state.closed_cleanly);
        drop(state);
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        match thread {
            // The thread sets `Ended` last of all.
            Some(thread) if ended => drop(thread.join()),
            Some(_) => {
                log::warn!("the MQTT thread did not end within {timeout:?}; leaving it behind")
            }
            None => {}
        }
        closed_cleanly
    }

    fn put(&self, message: Message) {
        // The fixed header takes at most 5 bytes, the topic's length and the packet id 2 each.
        let size = message.topic.len() + message.payload.len() + 9;
        if size > self.max_packet {
            return self.drop_message(&format!(
                "{}: dropped a message that is larger than mqtt.max_packet, {} bytes",
                message.topic, self.max_packet
            ));
        }
        let mut state = self.shared.lock();
        if state.closing.is_some() {
            state.counts.dropped += 1;
            return;
        }
        match state.outbox.put(message) {
            Some(displaced) if displaced.kind != MessageKind::Event => state.counts.replaced += 1,
            Some(_) => state.counts.dropped += 1,
            None => {}
        }
        drop(state);
        self.shared.wake_thread();
    }

    fn drop_message(&self, why: &str) {
        self.shared.lock().counts.dropped += 1;
        let mut limit = self.limit.lock().unwrap_or_else(PoisonError::into_inner);
        if limit.allows(why, Instant::now()) {
            log::warn!("{why}");
        }
    }
}

impl Drop for Publisher {
    /// Tells the thread to end within a second, without waiting for it.
    fn drop(&mut self) {
        self.shared.close(Instant::now() + Duration::from_secs(1));
    }
}
