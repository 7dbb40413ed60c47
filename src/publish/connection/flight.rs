//! What is on its way on one connection.

use std::collections::VecDeque;

use crate::publish::outbox::Message;

/// How many messages may be on their way to the broker, not acknowledged yet. Far below the 100
/// packet ids that rumqttc goes round in, so that an id is free again before its turn comes.
pub(in crate::publish) const WINDOW: usize = 16;

/// How far the goodbye has come, so that each step is taken once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::publish) enum Parting {
    NotYet,
    Offline,
    Disconnect,
}

/// The messages on their way on one connection.
#[derive(Debug)]
pub(in crate::publish) struct Flight {
    /// Handed to the client, which has not given them a packet id yet.
    pub(in crate::publish) handed: VecDeque<Message>,
    /// Sent, by packet id, and not acknowledged yet.
    sent: Vec<(u16, Message)>,
    pub(in crate::publish) parting: Parting,
}

impl Flight {
    pub(in crate::publish) fn new() -> Self {
        Self {
            handed: VecDeque::with_capacity(WINDOW),
            sent: Vec::with_capacity(WINDOW),
            parting: Parting::NotYet,
        }
    }

    pub(in crate::publish) fn len(&self) -> usize {
        self.handed.len() + self.sent.len()
    }

    pub(in crate::publish) fn has_left(&mut self, id: u16) {
        if let Some(message) = self.handed.pop_front() {
            self.sent.push((id, message));
        }
    }

    /// Whether there was such a message.
    pub(in crate::publish) fn acknowledged(&mut self, id: u16) -> bool {
        let place = self.sent.iter().position(|(sent, _)| *sent == id);
        place.map(|place| self.sent.remove(place)).is_some()
    }

    /// What was not acknowledged, oldest first.
    pub(in crate::publish) fn into_messages(self) -> impl DoubleEndedIterator<Item = Message> {
        self.sent
            .into_iter()
            .map(|(_, message)| message)
            .chain(self.handed)
    }
}
