//! The order in which messages are sent.

use std::sync::mpsc::SyncSender;

use super::batch::{Batch, Recovered};
use super::events::Events;
use super::kept::Kept;
use super::sizes::{BATCH, segment};
use super::{Message, MessageKind, Ticket};
use crate::publish::counts::EventCounts;

/// The messages that wait for the broker: the newest of each state and report, and the events, as
/// many as have room.
///
/// A message stays here until it is acknowledged. So whatever becomes of a connection, what is sent
/// again on the next one keeps its order.
#[derive(Debug)]
pub(crate) struct Outbox {
    kept: Kept,
    events: Events,
    /// Grows with each message.
    clock: u64,
    /// The message given out last was an event.
    event_was_last: bool,
    /// Bytes of events that are written to the disk at once.
    batch: usize,
    /// Wakes the thread that writes events to the disk, if there is one.
    writer: Option<SyncSender<()>>,
}

impl Outbox {
    /// Holds up to `max_bytes` of events.
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self {
            kept: Kept::default(),
            events: Events::new(max_bytes),
            clock: 0,
            event_was_last: false,
            batch: segment(max_bytes).min(BATCH),
            writer: None,
        }
    }

    /// Begins with the events that an earlier run left on disk. `writer` is sent something after
    /// each change of the events.
    pub(crate) fn recover(&mut self, recovered: Recovered, writer: SyncSender<()>) {
        let Recovered {
            events,
            damaged,
            next,
        } = recovered;
        self.events.recover(events, damaged, next);
        self.writer = Some(writer);
        self.wake_writer();
    }

    /// Adds a message. Returns true if it takes the place of a state or a report that was not sent
    /// yet.
    pub(crate) fn put(&mut self, message: Message) -> bool {
        self.clock += 1;
        if message.kind != MessageKind::Event {
            return self.kept.put(message, self.clock);
        }
        self.events.put(message, self.clock);
        self.wake_writer();
        false
    }

    /// Counts an event that cannot be taken.
    pub(crate) fn refuse_event(&mut self) {
        self.events.refuse();
    }

    /// Gives out the next message to send. Of states, reports and events the one that waits longest
    /// is next. Where older events wait they take turns with states, so that neither holds up the
    /// other.
    pub(crate) fn next(&mut self) -> Option<(Ticket, Message)> {
        let kept = self.kept.oldest();
        let event_first = match (kept, self.events.oldest()) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some((_, due)), Some(at)) => at < due && !self.event_was_last,
        };
        self.event_was_last = event_first;
        if event_first {
            let (number, message) = self.events.take()?;
            return Some((Ticket::Event(number), message));
        }
        self.next_state()
    }

    /// Takes back a message that was given out and could not be sent.
    pub(crate) fn give_back(&mut self, ticket: Ticket) {
        match ticket {
            Ticket::Free => {}
            Ticket::Event(number) => self.events.give_back(number),
            Ticket::Kept { place, version } => self.kept.give_back(place, version),
        }
    }

    /// Notes that the broker acknowledged a message. Returns false for an event that was dropped
    /// meanwhile.
    pub(crate) fn acknowledge(&mut self, ticket: Ticket) -> bool {
        match ticket {
            Ticket::Free => true,
            Ticket::Event(number) => {
                let arrived = self.events.acknowledge(number);
                self.wake_writer();
                arrived
            }
            Ticket::Kept { place, version } => {
                self.kept.acknowledge(place, version);
                true
            }
        }
    }

    /// Gives out the state or report that waits longest.
    pub(crate) fn next_state(&mut self) -> Option<(Ticket, Message)> {
        let (place, _) = self.kept.oldest()?;
        let (version, message) = self.kept.take(place)?;
        Some((Ticket::Kept { place, version }, message))
    }

    /// Makes all states and reports due again, before everything else.
    pub(crate) fn repeat(&mut self) {
        self.kept.repeat();
    }

    /// Drops a message that the broker does not take, now or later. Returns true for an event,
    /// which counts as unsent.
    pub(crate) fn reject(&mut self, ticket: Ticket) -> bool {
        match ticket {
            Ticket::Free => false,
            Ticket::Event(number) => {
                self.events.reject(number);
                self.wake_writer();
                true
            }
            Ticket::Kept { place, version } => {
                self.kept.acknowledge(place, version);
                false
            }
        }
    }

    /// Makes all states due again, before everything else.
    pub(crate) fn repeat_states(&mut self) {
        self.kept.repeat_states();
    }

    /// Prepares for a new connection: all states are due, and what is in flight waits again, each
    /// event in its place.
    pub(crate) fn start_over(&mut self) {
        self.kept.land();
        self.events.land();
    }

    /// The number of messages that wait and are not in flight.
    pub(crate) fn len(&self) -> usize {
        self.kept.waiting() + self.events.waiting()
    }

    /// What became of the events so far.
    pub(crate) fn event_counts(&self) -> EventCounts {
        self.events.counts()
    }

    /// What the disk has to learn now.
    pub(crate) fn batch(&self) -> Batch {
        Batch {
            events: self.events.unwritten(self.batch),
            done: self.events.done(),
            live: self.events.live(),
            next: self.events.next(),
        }
    }

    /// Notes that all events up to this number are on disk.
    pub(crate) fn written(&mut self, number: u64) {
        self.events.written(number);
    }

    /// Notes that the folder was removed: no event is on disk any more.
    pub(crate) fn unwrite(&mut self) {
        self.events.unwrite();
    }

    /// Ends the thread that writes to the disk, once it has written what waits.
    pub(crate) fn end_writer(&mut self) {
        self.writer = None;
    }

    fn wake_writer(&self) {
        if let Some(writer) = &self.writer {
            // A full channel wakes it just as well.
            let _ = writer.try_send(());
        }
    }
}

#[cfg(test)]
mod tests;
