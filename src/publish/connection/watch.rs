//! The watch over the own availability topic.
//!
//! Another client may publish `offline` there: one of the same id, or the broker itself, with the
//! last will of an earlier connection that it missed the end of. It stays retained, so that
//! everybody takes a daemon that works for one that is gone. So the daemon subscribes to the topic,
//! and publishes its states again.

use std::time::{Duration, Instant};

/// The shortest time between two answers: two daemons of one id must not rouse each other without
/// end.
const BETWEEN: Duration = Duration::from_secs(10);

/// Time before an answer. A broker that stops publishes the last wills of its clients, ours too,
/// and closes the connection a moment later: then nobody else was at work.
const GRACE: Duration = Duration::from_secs(1);

/// What was heard on a connection, and when it is answered.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Messages of our own that the broker has not sent back yet.
    own: u32,
    heard: Option<Instant>,
    answered: Option<Instant>,
}

impl Watch {
    /// The connection ended.
    pub(super) fn ended(&mut self) {
        self.own = 0;
        self.heard = None;
    }

    /// Notes an `offline` of our own, which the broker sends back.
    pub(super) fn published(&mut self) {
        self.own += 1;
    }

    /// Notes an `offline` at `now`.
    pub(super) fn heard(&mut self, now: Instant) {
        if self.own > 0 {
            self.own -= 1;
        } else {
            self.heard.get_or_insert(now);
        }
    }

    /// When what was heard is to be answered; `None` if nothing is.
    pub(super) fn due_at(&self) -> Option<Instant> {
        let due = self.heard? + GRACE;
        Some(self.answered.map_or(due, |at| due.max(at + BETWEEN)))
    }

    /// Notes the answer.
    pub(super) fn answered(&mut self, now: Instant) {
        self.heard = None;
        self.answered = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_offline_is_answered_after_a_moment() {
        let mut watch = Watch::default();
        let now = Instant::now();
        assert_eq!(watch.due_at(), None);
        watch.heard(now);
        watch.heard(now + GRACE / 2);
        assert_eq!(watch.due_at(), Some(now + GRACE));
        watch.answered(now);
        assert_eq!(watch.due_at(), None);
    }

    #[test]
    fn an_offline_of_our_own_needs_no_answer() {
        let mut watch = Watch::default();
        let now = Instant::now();
        watch.published();
        watch.heard(now);
        assert_eq!(watch.due_at(), None);
        watch.heard(now);
        assert!(watch.due_at().is_some());
    }

    #[test]
    fn answers_keep_their_distance_and_none_is_left_out() {
        let mut watch = Watch::default();
        let start = Instant::now();
        watch.answered(start);
        let soon = start + Duration::from_millis(5);
        watch.heard(soon);
        watch.heard(soon);
        assert_eq!(watch.due_at(), Some(start + BETWEEN));
        // A new connection begins with `online` anyway.
        watch.ended();
        assert_eq!(watch.due_at(), None);
    }
}
