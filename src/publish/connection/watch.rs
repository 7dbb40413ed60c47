//! The watch over retained topics of our own, on which others publish too.
//!
//! On the availability topic another client may publish `offline`: one of the same id, or the
//! broker itself, with the last will of an earlier connection that it missed the end of. It stays
//! retained, so that everybody takes a daemon that works for one that is gone. On the discovery
//! topic Home Assistant publishes an empty message for each entity when its user deletes the
//! device. So the daemon subscribes to both topics, and publishes its states again.

use std::time::{Duration, Instant};

/// What was heard on a connection, and when it is answered.
#[derive(Debug)]
pub(super) struct Watch {
    /// Time before an answer.
    grace: Duration,
    /// The shortest time between two answers: two daemons of one id, or whoever deletes a device
    /// as often as it comes back, must not rouse each other without end.
    between: Duration,
    /// Messages of our own that the broker has not sent back yet.
    own: u32,
    heard: Option<Instant>,
    answered: Option<Instant>,
}

impl Watch {
    /// The one over availability. A broker that stops publishes the last wills of its clients, ours
    /// too, and closes the connection a moment later: then nobody else was at work.
    pub(super) fn over_availability() -> Self {
        Self::new(1, 10)
    }

    /// The one over the discovery topic. Home Assistant's messages for several entities come within
    /// the first seconds.
    pub(super) fn over_discovery() -> Self {
        Self::new(5, 60)
    }

    fn new(grace: u64, between: u64) -> Self {
        Self {
            grace: Duration::from_secs(grace),
            between: Duration::from_secs(between),
            own: 0,
            heard: None,
            answered: None,
        }
    }

    /// The connection ended.
    pub(super) fn ended(&mut self) {
        self.own = 0;
        self.heard = None;
    }

    /// Notes a message of our own, which the broker sends back.
    pub(super) fn published(&mut self) {
        self.own += 1;
    }

    /// Notes a message at `now` that must not stay.
    pub(super) fn heard(&mut self, now: Instant) {
        if self.own > 0 {
            self.own -= 1;
        } else {
            self.heard.get_or_insert(now);
        }
    }

    /// When what was heard is to be answered; `None` if nothing is.
    pub(super) fn due_at(&self) -> Option<Instant> {
        let due = self.heard? + self.grace;
        let rested = self.answered.map(|at| at + self.between);
        Some(rested.map_or(due, |rested| due.max(rested)))
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

    const GRACE: Duration = Duration::from_secs(1);
    const BETWEEN: Duration = Duration::from_secs(10);

    #[test]
    fn a_foreign_offline_is_answered_after_a_moment() {
        let mut watch = Watch::over_availability();
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
        let mut watch = Watch::over_availability();
        let now = Instant::now();
        watch.published();
        watch.heard(now);
        assert_eq!(watch.due_at(), None);
        watch.heard(now);
        assert!(watch.due_at().is_some());
    }

    #[test]
    fn answers_keep_their_distance_and_none_is_left_out() {
        let mut watch = Watch::over_availability();
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
