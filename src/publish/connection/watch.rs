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
/// left out for [`LATER`]. Some brokers close the connection of a client that may not subscribe.
const TRIES: u32 = 2;

/// How long the subscription is left out.
const LATER: Duration = Duration::from_secs(600);

/// The pause before a subscription that was refused is asked for again.
const AGAIN: Duration = Duration::from_secs(60);

/// The subscription of a connection, and when its messages are answered.
#[derive(Debug, Default)]
pub(super) struct Watch {
    asked: bool,
    /// When the broker refused the subscription on this connection.
    refused: Option<Instant>,
    /// Whether the refusal was logged.
    told: bool,
    unconfirmed: u32,
    /// When the last of the unconfirmed subscriptions was asked for.
    last: Option<Instant>,
    heard: bool,
    answered: Option<Instant>,
}

impl Watch {
    /// Whether to subscribe now: once on each connection, and again after a refusal.
    pub(super) fn asks(&mut self, now: Instant) -> bool {
        let due = match self.asks_at() {
            Some(at) => now >= at,
            None => !self.asked,
        };
        let costly = self.unconfirmed >= TRIES && self.last.is_some_and(|last| now < last + LATER);
        let asks = due && !costly;
        if asks {
            self.asked = true;
            self.refused = None;
            self.unconfirmed += 1;
            self.last = Some(now);
        }
        asks
    }

    /// When to subscribe again after a refusal.
    pub(super) fn asks_at(&self) -> Option<Instant> {
        self.refused.map(|refused| refused + AGAIN)
    }

    /// The broker accepted the subscription.
    pub(super) fn accepted(&mut self) {
        self.unconfirmed = 0;
        self.told = false;
    }

    /// The broker refused the subscription. Returns true if that is news.
    pub(super) fn refused(&mut self, now: Instant) -> bool {
        self.unconfirmed = 0;
        self.refused = Some(now);
        !std::mem::replace(&mut self.told, true)
    }

    /// The connection ended.
    pub(super) fn ended(&mut self) {
        self.asked = false;
        self.refused = None;
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
    fn a_subscription_that_costs_the_connection_is_left_out() {
        let mut watch = Watch::default();
        let start = Instant::now();
        assert!(watch.asks(start) && !watch.asks(start));
        watch.accepted();
        for _ in 0..TRIES {
            watch.ended();
            assert!(watch.asks(start));
        }
        watch.ended();
        assert!(!watch.asks(start + LATER / 2));
        assert!(watch.asks(start + LATER));
    }

    #[test]
    fn a_refused_subscription_is_asked_for_again_and_told_once() {
        let mut watch = Watch::default();
        let start = Instant::now();
        assert!(watch.asks(start));
        assert!(watch.refused(start));
        assert_eq!(watch.asks_at(), Some(start + AGAIN));
        assert!(!watch.asks(start + AGAIN / 2));
        assert!(watch.asks(start + AGAIN));
        assert!(!watch.refused(start + AGAIN));
        watch.ended();
        assert!(watch.asks(start + AGAIN));
        watch.accepted();
        watch.ended();
        assert!(watch.asks(start + AGAIN));
        assert!(watch.refused(start + AGAIN));
    }
}
