//! The commands that wait for the main thread, and the answers that wait for the broker.

use std::collections::VecDeque;

use super::command::Request;
use crate::publish::outbox::Message;

/// Commands that may wait. Each is small: its payload was read already.
const REQUESTS: usize = 32;
/// Answers that may wait.
const ANSWERS: usize = 64;
/// Bytes of answers that may wait.
const BYTES: usize = 64 << 10;

/// Both queues, bounded.
#[derive(Debug, Default)]
pub(crate) struct CommandQueue {
    requests: VecDeque<Request>,
    answers: VecDeque<Message>,
    /// Commands that were not obeyed: too many, too large, not allowed, malformed or retained.
    pub(crate) refused: u64,
}

impl CommandQueue {
    /// Adds a command. Returns it if too many wait.
    pub(crate) fn put(&mut self, request: Request) -> Option<Request> {
        if self.requests.len() >= REQUESTS {
            return Some(request);
        }
        self.requests.push_back(request);
        None
    }

    /// The oldest command.
    pub(crate) fn take(&mut self) -> Option<Request> {
        self.requests.pop_front()
    }

    /// Adds an answer. The oldest ones make room.
    pub(crate) fn answer(&mut self, answer: Message) {
        self.answers.push_back(answer);
        let size = |answer: &Message| answer.topic.len() + answer.payload.len();
        let mut bytes: usize = self.answers.iter().map(size).sum();
        while self.answers.len() > ANSWERS || bytes > BYTES {
            bytes -= self.answers.pop_front().as_ref().map_or(bytes, size);
        }
    }

    /// The oldest answer.
    pub(crate) fn next_answer(&mut self) -> Option<Message> {
        self.answers.pop_front()
    }

    /// The number of answers that wait.
    pub(crate) fn answers(&self) -> usize {
        self.answers.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::commands::{Asker, Command};
    use crate::publish::outbox::MessageKind;

    fn request(name: &str) -> Request {
        Request {
            command: Command::Health,
            asker: Asker {
                name: name.into(),
                ..Asker::default()
            },
        }
    }

    fn answer(payload: usize) -> Message {
        Message {
            topic: "t".into(),
            payload: vec![0; payload],
            kind: MessageKind::Report,
            correlation: None,
        }
    }

    #[test]
    fn commands_beyond_the_bound_are_returned() {
        let mut queue = CommandQueue::default();
        for n in 0..REQUESTS {
            assert_eq!(queue.put(request(&n.to_string())), None);
        }
        assert_eq!(queue.put(request("x")), Some(request("x")));
        assert_eq!(queue.take(), Some(request("0")));
        assert_eq!(queue.put(request("x")), None);
    }

    #[test]
    fn the_newest_answers_are_kept_within_both_bounds() {
        let mut queue = CommandQueue::default();
        for n in 0..200 {
            queue.answer(answer(n));
        }
        assert_eq!(queue.answers(), ANSWERS);
        for _ in 0..100 {
            queue.answer(answer(BYTES / 4));
        }
        assert_eq!(queue.answers(), 3);
        // One that is larger than all of them may be has no room at all.
        queue.answer(answer(BYTES + 1));
        assert_eq!(queue.answers(), 0);
    }
}
