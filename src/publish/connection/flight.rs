//! The messages that are in flight on one connection.

use std::collections::VecDeque;

use crate::publish::outbox::Message;

/// How many messages may be in flight. Far below the 100 packet ids that the MQTT crate cycles
/// through, so that an id is free again before its turn comes.
pub(super) const WINDOW: usize = 16;

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
    handed: VecDeque<Message>,
    /// Sent and not acknowledged yet, by packet id.
    sent: Vec<(u16, Message)>,
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
        self.handed.push_back(message);
    }

    /// Notes that the oldest message that was handed over left with the packet id `id`.
    pub(super) fn left(&mut self, id: u16) {
        if let Some(message) = self.handed.pop_front() {
            self.sent.push((id, message));
        }
    }

    /// Removes the message with the packet id `id`. Returns false when there is none.
    pub(super) fn acknowledge(&mut self, id: u16) -> bool {
        let place = self.sent.iter().position(|(sent, _)| *sent == id);
        place.map(|place| self.sent.remove(place)).is_some()
    }

    /// The messages that were not acknowledged, oldest first.
    pub(super) fn into_messages(self) -> impl DoubleEndedIterator<Item = Message> {
        self.sent
            .into_iter()
            .map(|(_, message)| message)
            .chain(self.handed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flight(topics: &[&str]) -> Flight {
        let mut flight = Flight::new();
        for topic in topics {
            flight.hand_over(Message {
                topic: (*topic).into(),
                payload: Vec::new(),
                retained: false,
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
    fn an_acknowledgement_of_an_unknown_packet_is_ignored() {
        let mut flight = flight(&["a"]);
        assert!(!flight.acknowledge(1));
        flight.left(1);
        assert!(flight.acknowledge(1) && !flight.acknowledge(1));
        assert_eq!(flight.len(), 0);
    }
}
