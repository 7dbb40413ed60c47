//! The messages that are in flight on one connection.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::publish::outbox::{Message, Ticket};

/// How many messages may be in flight. Far below the 100 packet ids that the MQTT crate cycles
/// through, so that an id is free again before its turn comes.
pub(super) const WINDOW: usize = 16;

/// How many bytes may be in flight before the last message that is handed over: the connection
/// holds a copy of each.
const BYTES: usize = 32 << 10;

/// How long the broker may take to acknowledge a message. A lost acknowledgement would occupy its
/// place in the window for good; after this time the connection is given up and the message is sent
/// again on the next one.
const PATIENCE: Duration = Duration::from_secs(20);

/// How far the close has come, so that each step is taken once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closing {
    NotStarted,
    /// `offline` is queued.
    Offline,
    /// The disconnect is queued behind it.
    Disconnect,
}

/// A message in flight.
#[derive(Debug)]
struct Sent {
    since: Instant,
    topic: String,
    ticket: Ticket,
    bytes: usize,
}

/// The messages in flight on one connection, and how far its close has come. The outbox holds their
/// content until they are acknowledged.
#[derive(Debug)]
pub(super) struct Flight {
    /// Handed to the connection, which has not given them a packet id yet.
    handed: VecDeque<Sent>,
    /// Sent and not acknowledged yet, by packet id, oldest first.
    sent: Vec<(u16, Sent)>,
    bytes: usize,
    pub(super) closing: Closing,
}

impl Flight {
    pub(super) fn new() -> Self {
        Self {
            handed: VecDeque::with_capacity(WINDOW),
            sent: Vec::with_capacity(WINDOW),
            bytes: 0,
            closing: Closing::NotStarted,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.handed.len() + self.sent.len()
    }

    /// Whether another message may be handed over; the broker takes `window` of them at a time.
    pub(super) fn has_room(&self, window: usize) -> bool {
        self.len() < window.min(WINDOW) && self.bytes < BYTES
    }

    /// Notes a message that was handed to the connection.
    pub(super) fn hand_over(&mut self, ticket: Ticket, message: &Message) {
        let bytes = message.topic.len() + message.payload.len();
        self.bytes += bytes;
        self.handed.push_back(Sent {
            since: Instant::now(),
            topic: message.topic.clone(),
            ticket,
            bytes,
        });
    }

    /// Notes that the oldest message that was handed over left with the packet id `id`.
    pub(super) fn left(&mut self, id: u16) {
        if let Some(sent) = self.handed.pop_front() {
            self.sent.push((id, sent));
        }
    }

    /// Removes the message with the packet id `id`. Returns its ticket; none for an id that is not
    /// in flight.
    pub(super) fn acknowledge(&mut self, id: u16) -> Option<Ticket> {
        let place = self.sent.iter().position(|(sent, _)| *sent == id)?;
        let (_, Sent { ticket, bytes, .. }) = self.sent.remove(place);
        self.bytes -= bytes;
        Some(ticket)
    }

    /// The topic of the message with the packet id `id`.
    pub(super) fn topic(&self, id: u16) -> Option<&str> {
        let found = self.sent.iter().find(|(sent, _)| *sent == id);
        found.map(|(_, sent)| sent.topic.as_str())
    }

    /// When patience with the oldest message in flight ends.
    pub(super) fn overdue_at(&self) -> Option<Instant> {
        let sent = self.sent.first().map(|(_, sent)| sent);
        let oldest = sent.or(self.handed.front());
        oldest.map(|sent| sent.since + PATIENCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::outbox::MessageKind;

    fn message(length: usize) -> Message {
        Message {
            topic: "event".into(),
            payload: vec![b'x'; length],
            kind: MessageKind::Event,
            correlation: None,
        }
    }

    fn flight(events: &[u64]) -> Flight {
        let mut flight = Flight::new();
        for number in events {
            flight.hand_over(Ticket::Event(*number), &message(0));
        }
        flight
    }

    #[test]
    fn an_acknowledged_message_is_no_longer_in_flight() {
        let mut flight = flight(&[1, 2, 3]);
        flight.left(7);
        flight.left(8);
        assert_eq!(flight.acknowledge(8), Some(Ticket::Event(2)));
        assert_eq!(flight.len(), 2);
        flight.left(9);
        assert_eq!(flight.acknowledge(9), Some(Ticket::Event(3)));
        assert_eq!(flight.acknowledge(7), Some(Ticket::Event(1)));
        assert_eq!(flight.len(), 0);
    }

    #[test]
    fn the_oldest_message_in_flight_decides_when_patience_ends() {
        let mut flight = flight(&[1, 2]);
        let first = flight.overdue_at().unwrap();
        flight.left(1);
        flight.left(2);
        assert_eq!(flight.overdue_at(), Some(first));
        flight.acknowledge(1);
        assert!(flight.overdue_at().unwrap() >= first);
        flight.acknowledge(2);
        assert_eq!(flight.overdue_at(), None);
    }

    #[test]
    fn an_acknowledgement_of_an_unknown_packet_is_ignored() {
        let mut flight = flight(&[1]);
        assert_eq!(flight.acknowledge(1), None);
        flight.left(1);
        assert!(flight.acknowledge(1).is_some() && flight.acknowledge(1).is_none());
        assert_eq!(flight.len(), 0);
    }

    #[test]
    fn the_room_is_bounded_in_messages_and_in_bytes() {
        let mut many = flight(&[]);
        for number in 0..WINDOW as u64 {
            assert!(many.has_room(WINDOW));
            many.hand_over(Ticket::Event(number), &message(10));
        }
        assert!(!many.has_room(WINDOW));
        assert!(!many.has_room(100));
        many.left(1);
        many.acknowledge(1);
        assert!(many.has_room(WINDOW) && !many.has_room(WINDOW - 1));
        let mut large = flight(&[]);
        large.hand_over(Ticket::Event(1), &message(BYTES));
        assert!(!large.has_room(WINDOW));
        large.left(1);
        large.acknowledge(1);
        assert!(large.has_room(WINDOW));
    }
}
