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

/// Sessions in a row that may end between the subscription and its acknowledgement, before it is
/// given up. Some brokers close the connection of a client that may not subscribe.
const TRIES: u32 = 2;

/// The subscription of a connection, and when its messages are answered.
#[derive(Debug, Default)]
pub(super) struct Watch {
    asked: bool,
    unconfirmed: u32,
    heard: bool,
    answered: Option<Instant>,
}

impl Watch {
    /// Whether to subscribe now: once on each connection.
    pub(super) fn asks(&mut self) -> bool {
        let asks = !self.asked && self.unconfirmed < TRIES;
        if asks {
            self.asked = true;
            self.unconfirmed += 1;
        }
        asks
    }

    /// The broker answered the subscription.
    pub(super) fn confirmed(&mut self) {
        self.unconfirmed = 0;
    }

    /// The connection ended.
    pub(super) fn ended(&mut self) {
        self.asked = false;
        self.heard = false;
    }

    /// Notes an `offline` that is not this client's.
    pub(super) fn heard(&mut self) {
        self.heard = true;
    }

    /// When what was heard is to be answered; `None` if nothing is.
    pub(super) fn due_at(&self, now: Instant) -> Option<Instant> {
        let due = self.answered.map_or(now, |answered| answered + BETWEEN);
        self.heard.then_some(due)
    }

    /// Notes the answer.
    pub(super) fn answered(&mut self, now: Instant) {
        self.heard = false;
        self.answered = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_foreign_offline_is_answered_at_once() {
        let mut watch = Watch::default();
        let now = Instant::now();
        assert_eq!(watch.due_at(now), None);
        watch.heard();
        assert_eq!(watch.due_at(now), Some(now));
        watch.answered(now);
        assert_eq!(watch.due_at(now), None);
    }

    #[test]
    fn answers_keep_their_distance_and_none_is_left_out() {
        let mut watch = Watch::default();
        let start = Instant::now();
        watch.heard();
        watch.answered(start);
        watch.heard();
        watch.heard();
        let soon = start + Duration::from_millis(5);
        assert_eq!(watch.due_at(soon), Some(start + BETWEEN));
        // A new connection begins with `online` anyway.
        watch.ended();
        assert_eq!(watch.due_at(soon), None);
    }

    #[test]
    fn a_subscription_that_costs_the_connection_is_given_up() {
        let mut watch = Watch::default();
        assert!(watch.asks() && !watch.asks());
        watch.confirmed();
        for _ in 0..TRIES {
            watch.ended();
            assert!(watch.asks());
        }
        watch.ended();
        assert!(!watch.asks());
    }
}
