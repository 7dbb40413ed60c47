//! The messages that are in flight on one connection.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::publish::outbox::Message;

/// How many messages may be in flight. Far below the 100 packet ids that the MQTT crate cycles
/// through, so that an id is free again before its turn comes.
pub(super) const WINDOW: usize = 16;

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

/// The messages in flight on one connection, and how far its close has come.
#[derive(Debug)]
pub(super) struct Flight {
    /// Handed to the connection, which has not given them a packet id yet.
    handed: VecDeque<(Instant, Message)>,
    /// Sent and not acknowledged yet, by packet id, oldest first.
    sent: Vec<(u16, Instant, Message)>,
    pub(super) closing: Closing,
}

impl Flight {
    pub(super) fn new() -> Self {
        Self {
            handed: VecDeque::with_capacity(WINDOW),
            sent: Vec::with_capacity(WINDOW),
            closing: Closing::NotStarted,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.handed.len() + self.sent.len()
    }

    /// Notes a message that was handed to the connection.
    pub(super) fn hand_over(&mut self, message: Message) {
        self.handed.push_back((Instant::now(), message));
    }

    /// Notes that the oldest message that was handed over left with the packet id `id`.
    pub(super) fn left(&mut self, id: u16) {
        if let Some((since, message)) = self.handed.pop_front() {
            self.sent.push((id, since, message));
        }
    }

    /// Removes the message with the packet id `id`. Returns false when there is none.
    pub(super) fn acknowledge(&mut self, id: u16) -> bool {
        let place = self.sent.iter().position(|(sent, ..)| *sent == id);
        place.map(|place| self.sent.remove(place)).is_some()
    }

    /// The topic of the message with the packet id `id`.
    pub(super) fn topic(&self, id: u16) -> Option<&str> {
        let found = self.sent.iter().find(|(sent, ..)| *sent == id);
        found.map(|(.., message)| message.topic.as_str())
    }

    /// When patience with the oldest message in flight ends.
    pub(super) fn overdue_at(&self) -> Option<Instant> {
        let sent = self.sent.first().map(|(_, since, _)| since);
        let oldest = sent.or(self.handed.front().map(|(since, _)| since));
        oldest.map(|since| *since + PATIENCE)
    }

    /// The messages that were not acknowledged, oldest first.
    pub(super) fn into_messages(self) -> impl DoubleEndedIterator<Item = Message> {
        self.sent
            .into_iter()
            .map(|(_, _, message)| message)
            .chain(self.handed.into_iter().map(|(_, message)| message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::outbox::MessageKind;

    fn flight(topics: &[&str]) -> Flight {
        let mut flight = Flight::new();
        for topic in topics {
            flight.hand_over(Message {
                topic: (*topic).into(),
                payload: Vec::new(),
                kind: MessageKind::Event,
                correlation: None,
            });
        }
        flight
    }

    fn topics(flight: Flight) -> Vec<String> {
        flight.into_messages().map(|m| m.topic).collect()
    }

    #[test]
    fn an_acknowledged_message_is_no_longer_in_flight() {
        let mut flight = flight(&["a", "b", "c"]);
        flight.left(1);
        flight.left(2);
        assert!(flight.acknowledge(2));
        assert_eq!(
            (flight.len(), topics(flight)),
            (2, vec!["a".into(), "c".into()])
        );
    }

    #[test]
    fn the_oldest_message_in_flight_decides_when_patience_ends() {
        let mut flight = flight(&["a", "b"]);
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
        let mut flight = flight(&["a"]);
        assert!(!flight.acknowledge(1));
        flight.left(1);
        assert!(flight.acknowledge(1) && !flight.acknowledge(1));
        assert_eq!(flight.len(), 0);
    }
}
