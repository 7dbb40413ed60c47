//! What waits to be sent.

use std::collections::VecDeque;

/// One message, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) topic: String,
    pub(super) payload: Vec<u8>,
    pub(super) retained: bool,
}

/// A retained topic's latest message, and whether the broker still has to be told.
#[derive(Clone, Debug)]
struct Kept {
    message: Message,
    due: bool,
}

/// What waits to be sent: of each retained topic only the latest message, which is kept to be sent
/// again at the next connection, and a bounded queue of the others.
#[derive(Clone, Debug)]
pub(super) struct Outbox {
    kept: Vec<Kept>,
    queue: VecDeque<Message>,
    bound: usize,
}

impl Outbox {
    /// Holds up to `bound` messages that are not retained.
    pub(super) fn new(bound: usize) -> Self {
        Self {
            kept: Vec::new(),
            queue: VecDeque::with_capacity(bound),
            bound,
        }
    }

    /// Takes a message in and returns the one that had to give way for it unsent, if any: the
    /// earlier one of the same retained topic, or the oldest of a full queue.
    pub(super) fn put(&mut self, message: Message) -> Option<Message> {
        if !message.retained {
            let oldest = (self.queue.len() >= self.bound).then(|| self.queue.pop_front());
            self.queue.push_back(message);
            return oldest.flatten();
        }
        let kept = self
            .kept
            .iter_mut()
            .find(|k| k.message.topic == message.topic);
        let Some(kept) = kept else {
            self.kept.push(Kept { message, due: true });
            return None;
        };
        let earlier = std::mem::replace(&mut kept.message, message);
        std::mem::replace(&mut kept.due, true).then_some(earlier)
    }

    /// The next message to send: retained ones in the order in which their topics came up, then the
    /// queue.
    pub(super) fn next(&mut self) -> Option<Message> {
        if let Some(kept) = self.kept.iter_mut().find(|k| k.due) {
            kept.due = false;
            return Some(kept.message.clone());
        }
        self.queue.pop_front()
    }

    /// A new connection: every retained topic is to be sent again, and `unacknowledged`, oldest
    /// first, goes before the queue. Returns how many messages gave way.
    pub(super) fn start_over(
        &mut self,
        unacknowledged: impl DoubleEndedIterator<Item = Message>,
    ) -> usize {
        for kept in &mut self.kept {
            kept.due = true;
        }
        let mut lost = 0;
        for message in unacknowledged.rev().filter(|m| !m.retained) {
            if self.queue.len() < self.bound {
                self.queue.push_front(message);
            } else {
                lost += 1;
            }
        }
        lost
    }

    /// How many messages wait.
    pub(super) fn len(&self) -> usize {
        self.kept.iter().filter(|k| k.due).count() + self.queue.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(topic: &str, payload: &str) -> Message {
        Message {
            topic: topic.into(),
            payload: payload.into(),
            retained: topic == "label" || topic == "availability",
        }
    }

    fn all(outbox: &mut Outbox) -> Vec<String> {
        let text = |m: Message| format!("{}={}", m.topic, String::from_utf8_lossy(&m.payload));
        std::iter::from_fn(|| outbox.next()).map(text).collect()
    }

    #[test]
    fn the_latest_of_a_retained_topic_wins_and_the_oldest_event_gives_way() {
        let mut outbox = Outbox::new(2);
        assert_eq!(outbox.put(message("label", "a")), None);
        assert_eq!(outbox.put(message("event", "1")), None);
        assert_eq!(outbox.put(message("event", "2")), None);
        assert_eq!(
            outbox.put(message("event", "3")),
            Some(message("event", "1"))
        );
        assert_eq!(
            outbox.put(message("label", "b")),
            Some(message("label", "a"))
        );
        assert_eq!(outbox.len(), 3);
        assert_eq!(all(&mut outbox), ["label=b", "event=2", "event=3"]);
        // What was sent has not given way.
        assert_eq!(outbox.put(message("label", "c")), None);
        assert_eq!(
            (outbox.len(), all(&mut outbox)),
            (1, vec!["label=c".into()])
        );
    }

    #[test]
    fn a_new_connection_gets_the_retained_topics_and_what_was_not_acknowledged() {
        let mut outbox = Outbox::new(3);
        outbox.put(message("availability", "online"));
        outbox.put(message("label", "a"));
        all(&mut outbox);
        outbox.put(message("event", "3"));
        let flying = [
            message("label", "a"),
            message("event", "1"),
            message("event", "2"),
        ];
        assert_eq!(outbox.start_over(flying.into_iter()), 0);
        assert_eq!(
            all(&mut outbox),
            [
                "availability=online",
                "label=a",
                "event=1",
                "event=2",
                "event=3"
            ]
        );
    }

    #[test]
    fn the_oldest_unacknowledged_give_way_first() {
        let mut outbox = Outbox::new(2);
        outbox.put(message("event", "3"));
        let flying = [message("event", "1"), message("event", "2")];
        assert_eq!(outbox.start_over(flying.into_iter()), 1);
        assert_eq!(all(&mut outbox), ["event=2", "event=3"]);
    }
}
