//! The caller's side: publishing without waiting for the network.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use super::commands::{self, Asker, Outcome, Request};
use super::connection::{
    self, Crowd, Inbox, Link, Liveness, LogLimit, Patience, Shared, client_id, temporary_client_id,
};
use super::counts::MessageCounts;
use super::homeassistant::{Announcement, Discovery, Offer};
use super::outbox::{Disk, Message, MessageKind, Outbox};
use super::{
    Config, Error, EventIds, Hashes, Label, OutboxConfig, Payload, SnapshotInfo, Topics, writer,
};
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
    /// How the instance appears in Home Assistant.
    pub announcement: Option<Announcement>,
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
    ids: EventIds,
    limit: Mutex<LogLimit>,
    /// Topics whose messages were too large, and for which that was logged.
    too_large: Mutex<Vec<String>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// Ends with the thread that writes events to the disk, if there is one.
    writing: Mutex<Option<Receiver<()>>>,
}

impl Publisher {
    /// Starts the thread that connects to the broker, for the instance `id`. `config` and `outbox`
    /// must have passed their checks. Events that wait in the outbox's folder are sent first.
    /// Returns before the thread has connected: see [`Publisher::wait_connected`].
    ///
    /// # Errors
    /// [`Error::Id`]; [`Error::Password`] and [`Error::Tls`] when a file cannot be used;
    /// [`Error::Folder`]; [`Error::Thread`].
    pub fn start(config: &Config, outbox: &OutboxConfig, id: &str) -> Result<Self, Error> {
        Self::start_with(config, outbox, id, Extras::default())
    }

    /// Does the same for a daemon, with all that this one publishes and hears beside its frames.
    ///
    /// # Errors
    /// Those of [`Publisher::start`].
    pub fn start_with(
        config: &Config,
        outbox: &OutboxConfig,
        id: &str,
        extras: Extras,
    ) -> Result<Self, Error> {
        let client_id = client_id(config, id);
        let place = Place::OwnThread(Patience::Endless);
        let ids = EventIds::unique();
        Self::start_as(client_id, config, outbox, id, ids, extras, place)
    }

    /// Does the same as [`Publisher::start`] on the threads of `crowd`.
    ///
    /// # Errors
    /// Those of [`Publisher::start`].
    pub(crate) fn start_in(
        crowd: &Crowd,
        config: &Config,
        outbox: &OutboxConfig,
        id: &str,
    ) -> Result<Self, Error> {
        let client_id = client_id(config, id);
        let (ids, extras) = (EventIds::unique(), Extras::default());
        let place = Place::Crowd(crowd);
        Self::start_as(client_id, config, outbox, id, ids, extras, place)
    }

    /// Does the same with a client id for a short `purpose` and without the outbox's folder, so
    /// that a daemon that runs with the same configuration is not disturbed. Events get their ids
    /// of `ids`. The caller gives up, and reports that, if [`Publisher::wait_connected`] fails.
    ///
    /// # Errors
    /// Those of [`Publisher::start`].
    pub(crate) fn start_temporary(
        config: &Config,
        outbox: &OutboxConfig,
        id: &str,
        purpose: &str,
        ids: EventIds,
    ) -> Result<Self, Error> {
        let client_id = temporary_client_id(config, id, purpose);
        let outbox = OutboxConfig {
            folder: None,
            ..outbox.clone()
        };
        let place = Place::OwnThread(Patience::OneTry);
        let extras = Extras::default();
        Self::start_as(client_id, config, &outbox, id, ids, extras, place)
    }

    fn start_as(
        client_id: String,
        config: &Config,
        outbox: &OutboxConfig,
        id: &str,
        ids: EventIds,
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
        let queue = Outbox::new(outbox.max_bytes);
        let (discovery, record) = match &extras.announcement {
            Some(announcement) => announcement.discovery(config, id),
            None => (Discovery::none(), None),
        };
        let births = discovery.birth().into_iter().collect();
        let inbox = Inbox::new(&topics, &extras.commands, births);
        let liveness = match extras.progress {
            Some((progress, patience)) => Liveness::of(progress, patience),
            None => Liveness::assumed(),
        };
        let online = availability("online");
        let shared = Arc::new(Shared::new(queue, discovery, online, offline));
        let writing = store(&shared, outbox)?;
        let thread = match place {
            Place::OwnThread(patience) => {
                let thread = connection::start(&shared, target, patience, inbox, liveness, record)?;
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
            ids,
            limit: Mutex::default(),
            too_large: Mutex::default(),
            thread: Mutex::new(thread),
            writing: Mutex::new(writing),
        })
    }

    /// Queues one message. Returns at once, whatever the state of the connection. A message that is
    /// larger than `mqtt.max_packet` is made smaller if it can be; one that cannot is counted.
    pub fn publish(&self, payload: &Payload<'_>) {
        let topic = payload.topic(&self.topics);
        let (kind, mut smaller) = (payload.kind(), None);
        loop {
            let payload = smaller.as_ref().unwrap_or(payload);
            let message = match payload.to_json() {
                Ok(json) => Message {
                    topic: topic.into(),
                    payload: json,
                    kind,
                    correlation: None,
                },
                Err(e) => {
                    let why = format!("{topic}: cannot write the message as JSON: {e}");
                    return self.drop_message(kind, &why);
                }
            };
            if self.fits(&message) {
                if smaller.is_some() {
                    self.note_too_large(topic, "sending a shorter one");
                }
                return self.put(message);
            }
            smaller = payload.clone().smaller();
            if smaller.is_none() {
                self.count_lost(kind);
                return self.note_too_large(topic, "dropping it");
            }
        }
    }

    /// Queues the messages for one update of the observer, made with the model and the head of
    /// `hashes`: the label, and on a change the event, whose id is returned. Returns at once.
    pub fn publish_update<'a>(
        &self,
        update: &Update<'a>,
        hashes: impl Into<Hashes<'a>>,
    ) -> Option<String> {
        let mut id = None;
        for payload in Payload::of(update, hashes, &self.ids) {
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
            correlation: None,
        });
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

    /// Tells Home Assistant what has changed. If the labels have, withdraws the present one until
    /// the next one is published. Returns at once.
    pub(crate) fn offer(&self, offer: Offer) {
        let now = SystemTime::now();
        let (model, head) = (offer.model_hash.clone(), offer.head_hash.clone());
        let mut state = self.shared.lock();
        let connected = matches!(state.link, Link::Connected);
        let relabelled = state.discovery.offered(offer, connected, now);
        drop(state);
        if let Some(reason) = relabelled {
            // A former label that still waits must not follow the new list.
            let hashes = Hashes {
                model: &model,
                head: head.as_deref(),
            };
            let label = Label::unknown(reason, now, None, hashes);
            self.publish(&Payload::Label(label));
        }
        self.shared.wake_thread();
    }

    /// What became of the messages so far.
    pub fn counts(&self) -> MessageCounts {
        let state = self.shared.lock();
        MessageCounts {
            waiting: state.outbox.len() as u64,
            connected: matches!(state.link, Link::Connected),
            commands_refused: state.commands.refused,
            events: state.outbox.event_counts(),
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
        self.end_writing(timeout.saturating_sub(start.elapsed()));
        closed_cleanly
    }

    /// Lets the thread that writes events to the disk write what waits, and waits for its end at
    /// most for `timeout`.
    fn end_writing(&self, timeout: Duration) {
        self.shared.lock().outbox.end_writer();
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ended) = writing.take()
            && ended.recv_timeout(timeout) == Err(RecvTimeoutError::Timeout)
        {
            log::warn!(
                "outbox.folder: the disk did not take the events within {timeout:?}; leaving them behind"
            );
        }
        drop(writing);
        let stored = self.shared.lock().outbox.event_counts().stored;
        if stored > 0 {
            log::info!("outbox.folder: {stored} events wait there for the next start");
        }
    }

    /// Whether the message fits into the largest packet.
    fn fits(&self, message: &Message) -> bool {
        message.topic.len() + message.payload.len() + PACKET <= self.max_packet
    }

    fn put(&self, message: Message) {
        let mut state = self.shared.lock();
        if state.closing.is_some() {
            drop(state);
            return self.count_lost(message.kind);
        }
        state.counts.replaced += u64::from(state.outbox.put(message));
        drop(state);
        self.shared.wake_thread();
    }

    /// Counts a message of this kind that is lost before it could wait.
    fn count_lost(&self, kind: MessageKind) {
        let mut state = self.shared.lock();
        match kind {
            MessageKind::Event => state.outbox.refuse_event(),
            MessageKind::State | MessageKind::Report | MessageKind::Once => {
                state.counts.dropped += 1
            }
        }
    }

    /// Logs the first message of `topic` that is too large, and what becomes of it.
    fn note_too_large(&self, topic: &str, so: &str) {
        let mut named = self
            .too_large
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !named.iter().any(|name| name == topic) {
            log::warn!(
                "{topic}: a message is larger than mqtt.max_packet, {} bytes; {so}, and so with later ones; \
                 set a larger mqtt.max_packet, or a smaller observe.top",
                self.max_packet
            );
            named.push(topic.into());
        }
    }

    fn drop_message(&self, kind: MessageKind, why: &str) {
        self.count_lost(kind);
        let mut limit = self.limit.lock().unwrap_or_else(PoisonError::into_inner);
        if limit.allows(why, Instant::now()) {
            log::warn!("{why}");
        }
    }
}

impl Drop for Publisher {
    /// Tells the threads to end within a second, without waiting for them.
    fn drop(&mut self) {
        self.shared.close(Instant::now() + Duration::from_secs(1));
        self.shared.lock().outbox.end_writer();
    }
}

/// Opens the outbox's folder if one is configured, takes over the events that wait there, and starts
/// the thread that writes to it. Returns what ends with the thread.
fn store(shared: &Arc<Shared>, config: &OutboxConfig) -> Result<Option<Receiver<()>>, Error> {
    let Some(folder) = &config.folder else {
        return Ok(None);
    };
    let (disk, recovered) =
        Disk::open(folder, config.max_bytes).map_err(|e| Error::folder(folder, &e))?;
    if recovered.damaged > 0 {
        log::warn!(
            "outbox.folder {}: passed over {} damaged places, each counted as an unsent event",
            folder.display(),
            recovered.damaged
        );
    }
    if !recovered.events.is_empty() {
        log::info!(
            "outbox.folder {}: {} events of an earlier run wait to be sent",
            folder.display(),
            recovered.events.len()
        );
    }
    let (wake, wakes) = mpsc::sync_channel(1);
    let (end, ended) = mpsc::sync_channel(1);
    shared.lock().outbox.recover(recovered, wake);
    writer::start(shared, disk, wakes, end)?;
    Ok(Some(ended))
}
