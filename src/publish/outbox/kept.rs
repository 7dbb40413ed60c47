//! The newest message of each state and report.

use super::{Message, MessageKind};

/// The newest message of one topic.
#[derive(Debug)]
struct Entry {
    message: Message,
    /// Since when it waits, by the outbox's clock; `None` once it was given out.
    due: Option<u64>,
    /// Tells it from earlier messages of the topic.
    version: u64,
    /// It was given out and is not acknowledged yet.
    flying: bool,
}

/// The newest message of each state and report, in the order in which their topics first appeared.
/// States stay here to be sent again on the next connection.
#[derive(Debug, Default)]
pub(super) struct Kept(Vec<Entry>);

impl Kept {
    /// Puts `message`, which came at `at`, in the place of the one before. Returns true if that was
    /// waiting; the new one then waits in its place.
    pub(super) fn put(&mut self, message: Message, at: u64) -> bool {
        let entry = self.0.iter_mut().find(|e| e.message.topic == message.topic);
        let Some(entry) = entry else {
            self.0.push(Entry {
                message,
                due: Some(at),
                version: at,
                flying: false,
            });
            return false;
        };
        entry.message = message;
        entry.version = at;
        entry.flying = false;
        let waited = entry.due.is_some();
        entry.due.get_or_insert(at);
        waited
    }

    /// The place of the message that waits longest, and since when.
    pub(super) fn oldest(&self) -> Option<(usize, u64)> {
        let due = self.0.iter().enumerate();
        due.filter_map(|(place, entry)| Some((place, entry.due?)))
            .min_by_key(|(_, due)| *due)
    }

    /// Gives out the message at `place`, with its version.
    pub(super) fn take(&mut self, place: usize) -> Option<(u64, Message)> {
        let entry = self.0.get_mut(place)?;
        entry.due = None;
        entry.flying = true;
        Some((entry.version, entry.message.clone()))
    }

    /// Takes a message back that was given out and could not be sent.
    pub(super) fn give_back(&mut self, place: usize, version: u64) {
        if let Some(entry) = self.0.get_mut(place)
            && entry.version == version
        {
            entry.due = Some(0);
            entry.flying = false;
        }
    }

    /// Notes that a message arrived.
    pub(super) fn acknowledge(&mut self, place: usize, version: u64) {
        if let Some(entry) = self.0.get_mut(place)
            && entry.version == version
        {
            entry.flying = false;
        }
    }

    /// Makes all states due, before everything else.
    pub(super) fn repeat_states(&mut self) {
        for entry in &mut self.0 {
            if entry.message.retained() {
                entry.due = Some(0);
            }
        }
    }

    /// Makes all states and reports due, before everything else.
    pub(super) fn repeat(&mut self) {
        for entry in &mut self.0 {
            if entry.message.kind != MessageKind::Once {
                entry.due = Some(0);
            }
        }
    }

    /// Makes all states due, and the reports that are in flight: the connection ended.
    pub(super) fn land(&mut self) {
        self.repeat_states();
        for entry in &mut self.0 {
            if std::mem::take(&mut entry.flying) {
                entry.due = Some(0);
            }
        }
    }

    /// The number of messages that wait.
    pub(super) fn waiting(&self) -> usize {
        self.0.iter().filter(|entry| entry.due.is_some()).count()
    }
}
