//! The events that wait for the broker, bounded in bytes.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use super::Message;
use crate::publish::counts::EventCounts;

/// Bytes that an event takes beside its topic and its payload.
const ENTRY: usize = 160;
/// Events for which there is room from the start, so that the first ones allocate no queue.
const ROOM: usize = 64;

/// One event.
#[derive(Debug)]
struct Entry {
    /// Events are numbered one by one, in the order in which they came.
    number: u64,
    /// The outbox's clock when it came.
    at: u64,
    message: Message,
    /// It was given out to be sent, and is not acknowledged yet.
    flying: bool,
    /// It is on disk.
    written: bool,
}

/// The events, oldest first. One stays here until the broker has acknowledged it, so that what is
/// sent again keeps its place.
#[derive(Debug)]
pub(super) struct Events {
    entries: VecDeque<Entry>,
    max_bytes: usize,
    bytes: usize,
    /// How many are in flight.
    flying: usize,
    /// The number of the next event.
    next: u64,
    counts: EventCounts,
}

/// Bytes that count for an event.
pub(super) fn size(message: &Message) -> usize {
    message.topic.len() + message.payload.len() + ENTRY
}

impl Events {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            entries: VecDeque::with_capacity(ROOM),
            max_bytes,
            bytes: 0,
            flying: 0,
            next: 1,
            counts: EventCounts::default(),
        }
    }

    /// Adds an event that came at `at`. Drops the oldest ones if there is no room.
    pub(super) fn put(&mut self, message: Message, at: u64) {
        self.counts.published += 1;
        let number = self.next;
        self.next += 1;
        self.insert(number, at, message, false);
    }

    /// Adds the events that an earlier run left on disk, oldest first, of which `damaged` could not
    /// be read. The next event gets the number `next`.
    pub(super) fn recover(&mut self, events: Vec<(u64, Message)>, damaged: u64, next: u64) {
        self.counts.recovered = events.len() as u64 + damaged;
        self.counts.unsent += damaged;
        for (number, message) in events {
            self.insert(number, 0, message, true);
        }
        self.next = next;
    }

    /// Counts an event that came too late or is too large.
    pub(super) fn refuse(&mut self) {
        self.counts.published += 1;
        self.counts.unsent += 1;
    }

    fn insert(&mut self, number: u64, at: u64, message: Message, written: bool) {
        let size = size(&message);
        if size > self.max_bytes {
            self.counts.unsent += 1;
            return;
        }
        while self.bytes + size > self.max_bytes {
            // One in flight may have arrived, so it goes only if there is no other.
            let oldest = self.entries.iter().position(|entry| !entry.flying);
            self.remove(oldest.unwrap_or(0));
            self.counts.unsent += 1;
        }
        self.bytes += size;
        self.entries.push_back(Entry {
            number,
            at,
            message,
            flying: false,
            written,
        });
    }

    fn remove(&mut self, place: usize) {
        if let Some(entry) = self.entries.remove(place) {
            self.bytes -= size(&entry.message);
            self.flying -= usize::from(entry.flying);
        }
    }

    fn place(&self, number: u64) -> Option<usize> {
        self.entries
            .binary_search_by_key(&number, |entry| entry.number)
            .ok()
    }

    /// When the oldest event that is not in flight came.
    pub(super) fn oldest(&self) -> Option<u64> {
        let waiting = self.entries.iter().find(|entry| !entry.flying);
        waiting.map(|entry| entry.at)
    }

    /// Gives out the oldest event that is not in flight, with its number.
    pub(super) fn take(&mut self) -> Option<(u64, Message)> {
        let entry = self.entries.iter_mut().find(|entry| !entry.flying)?;
        entry.flying = true;
        self.flying += 1;
        Some((entry.number, entry.message.clone()))
    }

    /// Takes an event back that was given out and could not be sent.
    pub(super) fn give_back(&mut self, number: u64) {
        if let Some(place) = self.place(number) {
            let was_flying = std::mem::take(&mut self.entries[place].flying);
            self.flying -= usize::from(was_flying);
        }
    }

    /// Removes the event of this number, which arrived. Returns false if it is not here any more.
    pub(super) fn acknowledge(&mut self, number: u64) -> bool {
        let Some(place) = self.place(number) else {
            return false;
        };
        self.remove(place);
        self.counts.sent += 1;
        true
    }

    /// Removes the event of this number, which the broker does not take.
    pub(super) fn reject(&mut self, number: u64) {
        if let Some(place) = self.place(number) {
            self.remove(place);
            self.counts.unsent += 1;
        }
    }

    /// Takes back all that are in flight: the connection ended.
    pub(super) fn land(&mut self) {
        for entry in &mut self.entries {
            entry.flying = false;
        }
        self.flying = 0;
    }

    /// The number of events that are not in flight.
    pub(super) fn waiting(&self) -> usize {
        self.entries.len() - self.flying
    }

    /// What became of the events so far.
    pub(super) fn counts(&self) -> EventCounts {
        EventCounts {
            waiting: self.entries.len() as u64,
            bytes: self.bytes as u64,
            stored: self.entries.iter().filter(|entry| entry.written).count() as u64,
            ..self.counts
        }
    }

    /// Copies of the oldest events that are not on disk, up to `bytes` of them and at least one.
    pub(super) fn unwritten(&self, bytes: usize) -> Vec<(u64, Message)> {
        let mut left = bytes;
        let mut copies = Vec::new();
        for entry in self.entries.iter().filter(|entry| !entry.written) {
            let size = size(&entry.message);
            if size > left && !copies.is_empty() {
                break;
            }
            left = left.saturating_sub(size);
            copies.push((entry.number, entry.message.clone()));
        }
        copies
    }

    /// Notes that all events up to this number are on disk.
    pub(super) fn written(&mut self, number: u64) {
        for entry in &mut self.entries {
            entry.written |= entry.number <= number;
        }
    }

    /// Notes that no event is on disk any more.
    pub(super) fn unwrite(&mut self) {
        for entry in &mut self.entries {
            entry.written = false;
        }
    }

    /// Every event below this number is done with.
    pub(super) fn done(&self) -> u64 {
        self.entries.front().map_or(self.next, |entry| entry.number)
    }

    /// The number of the next event.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// The numbers of all events here, as ranges. There are few: only events that are acknowledged
    /// or dropped out of turn leave gaps.
    pub(super) fn live(&self) -> Vec<RangeInclusive<u64>> {
        let mut ranges: Vec<RangeInclusive<u64>> = Vec::new();
        for Entry { number, .. } in &self.entries {
            match ranges.last_mut() {
                Some(last) if *last.end() + 1 == *number => *last = *last.start()..=*number,
                _ => ranges.push(*number..=*number),
            }
        }
        ranges
    }
}
