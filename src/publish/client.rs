//! The caller's side: publishing without waiting for the network.

mod publishing;
mod waiting;

use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use super::commands::{self, Asker, Outcome, Request};
use super::connection::{
    self, Crowd, Inbox, Link, Liveness, LogLimit, Patience, Shared, client_id, temporary_client_id,
};
use super::counts::MessageCounts;
use super::homeassistant::{Announcement, Discovery, Offer};
use super::outbox::{Disk, Message, MessageKind, Outbox};
use super::servers::Named;
use super::{Config, Error, EventIds, Label, OutboxConfig, Payload, Topics, writer};
use crate::meter::Progress;

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
    /// Whether labels are those of regions. What the broker retains of a picture without regions is
    /// cleared then.
    pub regions: bool,
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
    named: Named,
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
        let mut target = connection::target(config, client_id, Some(offline.clone()))?;
        let mut queue = Outbox::new(outbox.max_bytes);
        if extras.regions {
            queue.put(Message {
                topic: topics.label.clone(),
                payload: Vec::new(),
                kind: MessageKind::State,
                correlation: None,
            });
        }
        let (discovery, record) = match &extras.announcement {
            Some(announcement) => announcement.discovery(config, id),
            None => (Discovery::none(), None),
        };
        let births = discovery.birth().into_iter().collect();
        let inbox = Inbox::new(&topics, &extras.commands, births, discovery.topic());
        target.take_at_most(config.max_incoming(discovery.topic().is_some()));
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
            named: config.named(),
            max_packet: config.max_packet,
            ids,
            limit: Mutex::default(),
            too_large: Mutex::default(),
            thread: Mutex::new(thread),
            writing: Mutex::new(writing),
        })
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
        let told = offer.clone();
        let mut state = self.shared.lock();
        let connected = matches!(state.link, Link::Connected);
        let relabelled = state.discovery.offered(offer, connected, now);
        drop(state);
        if let Some((reason, places)) = relabelled {
            // A former label that still waits must not follow the new list.
            for (place, seen) in told.seen.iter().enumerate() {
                if places.has(place) {
                    let label = Label::unknown(reason, now, None, told.hashes(seen));
                    self.publish(&Payload::Label(label));
                }
            }
        }
        self.shared.wake_thread();
    }

    /// Whether there is a connection to the broker now.
    pub(crate) fn is_connected(&self) -> bool {
        matches!(self.shared.lock().link, Link::Connected)
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
}

impl Drop for Publisher {
    /// Tells the threads to end within a second, without waiting for them.
    fn drop(&mut self) {
        self.shared.close(Instant::now() + Duration::from_secs(1));
        self.shared.lock().outbox.end_writer();
    }
}

/// Opens the outbox's folder if one is configured, takes over the events that wait there, and
/// starts the thread that writes to it. Returns what ends with the thread.
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
