//! The caller's side: publishing without waiting for the network.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::commands::{self, Asker, Outcome, Request};
use super::connection::{
    self, Crowd, Inbox, Link, Liveness, LogLimit, Patience, Shared, client_id, temporary_client_id,
};
use super::counts::MessageCounts;
use super::outbox::{Message, MessageKind, Outbox};
use super::{Config, Error, Payload, Topics};
use crate::meter::Progress;
use crate::observe::Update;

/// Bytes of a packet beside topic and payload: the fixed header takes at most 5 bytes, the topic's
/// length and the packet id 2 each.
const PACKET: usize = 9;

/// What a daemon publishes and hears beside its frames.
#[derive(Default)]
pub struct Extras {
    /// Which commands are obeyed.
    pub commands: commands::Config,
    /// Threads that must make progress for the daemon to be `online`, and how long they may take.
    pub progress: Option<(Arc<Progress>, Duration)>,
    /// Retained messages, topic and payload, that come first on each connection.
    pub birth: Vec<(String, Vec<u8>)>,
    /// Messages of others, topic and payload, after which all states are published again.
    pub births: Vec<(String, String)>,
}

/// Where a connection is held.
enum Place<'c> {
    /// On a thread of its own.
    OwnThread(Patience),
    /// On the threads of a simulated fleet.
    Crowd(&'c Crowd),
}

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
    /// [`Error::Id`]; [`Error::Password`] and [`Error::Tls`] when a file cannot be used;
    /// [`Error::Thread`].
    pub fn start(config: &Config, id: &str) -> Result<Self, Error> {
        Self::start_with(config, id, Extras::default())
    }

    /// Does the same for a daemon, with all that this one publishes and hears beside its frames.
    ///
    /// # Errors
    /// Those of [`Publisher::start`].
    pub fn start_with(config: &Config, id: &str, extras: Extras) -> Result<Self, Error> {
        let place = Place::OwnThread(Patience::Endless);
        Self::start_as(client_id(config, id), config, id, extras, place)
    }

    /// Does the same as [`Publisher::start`] on the threads of `crowd`.
    ///
    /// # Errors
    /// Those of [`Publisher::start`].
    pub(crate) fn start_in(crowd: &Crowd, config: &Config, id: &str) -> Result<Self, Error> {
        let place = Place::Crowd(crowd);
        Self::start_as(client_id(config, id), config, id, Extras::default(), place)
    }

    /// Does the same with a client id for a short `purpose`, so that a daemon that runs with the
    /// same configuration stays connected. The caller gives up, and reports that, if
    /// [`Publisher::wait_connected`] fails.
    ///
    /// # Errors
    /// Those of [`Publisher::start`].
    pub(crate) fn start_temporary(config: &Config, id: &str, purpose: &str) -> Result<Self, Error> {
        let client_id = temporary_client_id(config, id, purpose);
        let place = Place::OwnThread(Patience::OneTry);
        Self::start_as(client_id, config, id, Extras::default(), place)
    }

    fn start_as(
        client_id: String,
        config: &Config,
        id: &str,
        extras: Extras,
        place: Place<'_>,
    ) -> Result<Self, Error> {
        let topics = Topics::new(&config.base, id)?;
        let availability = |word: &str| Message {
            topic: topics.availability.clone(),
            payload: word.into(),
            kind: MessageKind::State,
            correlation: None,
        };
        let offline = availability("offline");
        let target = connection::target(config, client_id, Some(offline.clone()))?;
        let mut outbox = Outbox::new(config.queue);
        for (topic, payload) in extras.birth {
            outbox.put(Message {
                topic,
                payload,
                kind: MessageKind::State,
                correlation: None,
            });
        }
        let inbox = Inbox::new(&topics, &extras.commands, extras.births);
        let liveness = match extras.progress {
            Some((progress, patience)) => Liveness::of(progress, patience),
            None => Liveness::assumed(),
        };
        let shared = Arc::new(Shared::new(outbox, availability("online"), offline));
        let thread = match place {
            Place::OwnThread(patience) => {
                let thread = connection::start(&shared, target, patience, inbox, liveness)?;
                Some(thread)
            }
            Place::Crowd(crowd) => {
                crowd.hold(&shared, target, inbox, liveness);
                None
            }
        };
        Ok(Self {
            shared,
            topics,
            address: config.address(),
            max_packet: config.max_packet,
            limit: Mutex::default(),
            thread: Mutex::new(thread),
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
                correlation: None,
            }),
            Err(e) => self.drop_message(&format!("{topic}: cannot write the message as JSON: {e}")),
        }
    }

    /// Queues the messages for one update of the observer, made with the model whose hash is
    /// `model`: the label, and on a change the event. Returns at once.
    pub fn publish_update(&self, update: &Update<'_>, model: &str) {
        for payload in Payload::of(update, model) {
            self.publish(&payload);
        }
    }

    /// Has the MQTT thread look at what is watched: the main thread took its first turn.
    pub(crate) fn wake(&self) {
        self.shared.wake_thread();
    }

    /// The next command, if one waits.
    pub(crate) fn next_command(&self) -> Option<Request> {
        self.shared.lock().commands.take()
    }

    /// Answers a command. Returns at once.
    pub(crate) fn answer(&self, asker: Asker, outcome: Outcome) {
        let answers = asker.answers(&self.topics.response, outcome);
        let mut state = self.shared.lock();
        for answer in answers {
            let size = answer.topic.len() + answer.payload.len() + PACKET;
            // Correlation data may double it.
            if size + 512 <= self.max_packet {
                state.commands.answer(answer);
            }
        }
        drop(state);
        self.shared.wake_thread();
    }

    /// What became of the messages so far.
    pub fn counts(&self) -> MessageCounts {
        let state = self.shared.lock();
        MessageCounts {
            waiting: state.outbox.len() as u64,
            connected: matches!(state.link, Link::Connected),
            commands_refused: state.commands.refused,
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

    /// Begins what [`Publisher::close`] does, without waiting for it.
    pub(crate) fn begin_close(&self, timeout: Duration) {
        self.shared.close(Instant::now() + timeout);
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
        let size = message.topic.len() + message.payload.len() + PACKET;
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
