//! The queue of messages that wait for the broker.

use std::collections::VecDeque;

use super::{Message, MessageKind};

/// The newest message of a state or a report, and whether it still has to be sent.
#[derive(Clone, Debug)]
struct Kept {
    message: Message,
    due: bool,
}

/// The messages that wait for the broker: the newest of each state and report, and a bounded queue
/// of events. States stay here to be sent again on the next connection.
#[derive(Clone, Debug)]
pub(crate) struct Outbox {
    kept: Vec<Kept>,
    queue: VecDeque<Message>,
    bound: usize,
}

impl Outbox {
    /// Holds up to `bound` events.
    pub(crate) fn new(bound: usize) -> Self {
        Self {
            kept: Vec::new(),
            queue: VecDeque::with_capacity(bound),
            bound,
        }
    }

    /// Adds a message. Returns the unsent message that it displaces, if any: the earlier state or
    /// report of the same topic, or the oldest event of a full queue.
    pub(crate) fn put(&mut self, message: Message) -> Option<Message> {
        if message.kind == MessageKind::Event {
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

    /// Takes the next message to send: first states and reports, in the order in which their topics
    /// first appeared, then the queue.
    pub(crate) fn next(&mut self) -> Option<Message> {
        if let Some(kept) = self.kept.iter_mut().find(|k| k.due) {
            kept.due = false;
            return Some(kept.message.clone());
        }
        self.queue.pop_front()
    }

    /// Prepares for a new connection: marks every state to be sent again, and every report among
    /// the `unacknowledged` messages. Puts the events among them, given oldest first, back at the
    /// front of the queue. Returns how many of these, the oldest ones, found no room and are lost.
    pub(crate) fn start_over(
        &mut self,
        unacknowledged: impl DoubleEndedIterator<Item = Message>,
    ) -> usize {
        for kept in &mut self.kept {
            kept.due |= kept.message.retained();
        }
        let mut lost = 0;
        for message in unacknowledged.rev() {
            if message.kind != MessageKind::Event {
                let same = |kept: &&mut Kept| kept.message.topic == message.topic;
                if let Some(kept) = self.kept.iter_mut().find(same) {
                    kept.due = true;
                }
            } else if self.queue.len() < self.bound {
                self.queue.push_front(message);
            } else {
                lost += 1;
            }
        }
        lost
    }

    /// Whether a state or a report waits.
    pub(crate) fn states_due(&self) -> bool {
        self.kept.iter().any(|k| k.due)
    }

    /// The number of waiting messages.
    pub(crate) fn len(&self) -> usize {
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
            kind: match topic {
                "label" | "availability" => MessageKind::State,
                "health" => MessageKind::Report,
                _ => MessageKind::Event,
            },
            correlation: None,
        }
    }

    fn all(outbox: &mut Outbox) -> Vec<String> {
        let text = |m: Message| format!("{}={}", m.topic, String::from_utf8_lossy(&m.payload));
        std::iter::from_fn(|| outbox.next()).map(text).collect()
    }

    #[test]
    fn the_latest_message_of_a_retained_topic_wins() {
        let mut outbox = Outbox::new(2);
        assert_eq!(outbox.put(message("label", "a")), None);
        assert_eq!(
            outbox.put(message("label", "b")),
            Some(message("label", "a"))
        );
        assert_eq!(
            (outbox.len(), all(&mut outbox)),
            (1, vec!["label=b".into()])
        );
    }

    #[test]
    fn a_retained_message_that_was_sent_is_not_displaced() {
        let mut outbox = Outbox::new(2);
        outbox.put(message("label", "a"));
        all(&mut outbox);
        assert_eq!(outbox.put(message("label", "b")), None);
        assert_eq!(
            (outbox.len(), all(&mut outbox)),
            (1, vec!["label=b".into()])
        );
    }

    #[test]
    fn only_the_newest_report_waits_and_it_displaces_no_event() {
        let mut outbox = Outbox::new(2);
        outbox.put(message("event", "1"));
        outbox.put(message("event", "2"));
        assert_eq!(outbox.put(message("health", "a")), None);
        assert_eq!(
            outbox.put(message("health", "b")),
            Some(message("health", "a"))
        );
        assert_eq!(all(&mut outbox), ["health=b", "event=1", "event=2"]);
    }

    #[test]
    fn a_report_is_sent_again_only_if_it_was_not_acknowledged() {
        let mut outbox = Outbox::new(2);
        outbox.put(message("health", "a"));
        all(&mut outbox);
        outbox.start_over(std::iter::empty());
        assert_eq!(all(&mut outbox), [""; 0]);
        outbox.start_over([message("health", "a")].into_iter());
        assert_eq!(all(&mut outbox), ["health=a"]);
    }

    #[test]
    fn a_full_queue_drops_its_oldest_message() {
        let mut outbox = Outbox::new(2);
        outbox.put(message("label", "a"));
        assert_eq!(outbox.put(message("event", "1")), None);
        assert_eq!(outbox.put(message("event", "2")), None);
        assert_eq!(
            outbox.put(message("event", "3")),
            Some(message("event", "1"))
        );
        assert_eq!(outbox.len(), 3);
        assert_eq!(all(&mut outbox), ["label=a", "event=2", "event=3"]);
    }

    #[test]
    fn a_new_connection_resends_retained_and_unacknowledged() {
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
    fn the_oldest_unacknowledged_messages_are_lost_first() {
        let mut outbox = Outbox::new(2);
        outbox.put(message("event", "3"));
        let flying = [message("event", "1"), message("event", "2")];
        assert_eq!(outbox.start_over(flying.into_iter()), 1);
        assert_eq!(all(&mut outbox), ["event=2", "event=3"]);
    }
}
