//! The order of the messages on a new connection: all states, then `online`, then the rest.
//!
//! Whoever sees `online` finds every state in place: it is sent once the broker has acknowledged
//! them. Subscriptions come before all of it, so that a command is heard as soon as `online` is.

use crate::publish::outbox::{Message, Outbox, Ticket};

/// How far the birth has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// States are sent.
    States,
    /// The broker has yet to acknowledge them.
    Settling,
    /// All is sent, and whether the daemon works is not known yet.
    Early,
    /// `online` or `offline` was sent.
    Done,
}

/// The next step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Send this state.
    State(Ticket, Message),
    /// Send `online` if true, else `offline`.
    Availability(bool),
    /// Send whatever waits.
    Anything,
    /// Send nothing before an acknowledgement comes.
    Wait,
}

/// The birth of one connection, and what was published on `availability` since.
#[derive(Debug)]
pub(super) struct Birth {
    phase: Phase,
    online: bool,
}

impl Birth {
    /// For a new connection, or to give birth again on an open one.
    pub(super) fn new() -> Self {
        Self {
            phase: Phase::States,
            online: false,
        }
    }

    /// Whether `online` was sent and holds.
    pub(super) fn is_online(&self) -> bool {
        self.phase == Phase::Done && self.online
    }

    /// What to send next, while `in_flight` messages are not acknowledged. `alive` tells whether
    /// the daemon works, where that is known.
    pub(super) fn next(
        &mut self,
        outbox: &mut Outbox,
        in_flight: usize,
        alive: Option<bool>,
    ) -> Step {
        loop {
            match self.phase {
                Phase::States => {
                    if let Some((ticket, message)) = outbox.next_state() {
                        return Step::State(ticket, message);
                    }
                    self.phase = Phase::Settling;
                }
                Phase::Settling if in_flight > 0 => return Step::Wait,
                Phase::Settling => match alive {
                    Some(alive) => {
                        self.phase = Phase::Done;
                        self.online = alive;
                        return Step::Availability(alive);
                    }
                    None => self.phase = Phase::Early,
                },
                Phase::Early if alive.is_none() => return Step::Anything,
                Phase::Early => self.phase = Phase::States,
                Phase::Done => {
                    let Some(alive) = alive.filter(|&alive| alive != self.online) else {
                        return Step::Anything;
                    };
                    self.online = alive;
                    return Step::Availability(alive);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::outbox::MessageKind;

    fn message(topic: &str, kind: MessageKind) -> Message {
        Message {
            topic: topic.into(),
            payload: Vec::new(),
            kind,
            correlation: None,
        }
    }

    fn outbox() -> Outbox {
        let mut outbox = Outbox::new(4 << 10);
        outbox.put(message("event", MessageKind::Event));
        outbox.put(message("discovery", MessageKind::State));
        outbox.put(message("label", MessageKind::State));
        outbox
    }

    fn topic(step: &Step) -> &str {
        match step {
            Step::State(_, message) => &message.topic,
            _ => "",
        }
    }

    #[test]
    fn states_come_first_and_online_after_their_acknowledgement() {
        let (mut birth, mut outbox) = (Birth::new(), outbox());
        let alive = Some(true);
        assert_eq!(topic(&birth.next(&mut outbox, 0, alive)), "discovery");
        assert_eq!(topic(&birth.next(&mut outbox, 1, alive)), "label");
        assert_eq!(birth.next(&mut outbox, 2, alive), Step::Wait);
        // A state that changes meanwhile must not postpone `online` again and again.
        outbox.put(message("label", MessageKind::State));
        assert_eq!(birth.next(&mut outbox, 1, alive), Step::Wait);
        assert!(!birth.is_online());
        assert_eq!(birth.next(&mut outbox, 0, alive), Step::Availability(true));
        assert!(birth.is_online());
        assert_eq!(birth.next(&mut outbox, 1, alive), Step::Anything);
    }

    #[test]
    fn before_the_first_turn_everything_passes_and_nothing_is_online() {
        let (mut birth, mut outbox) = (Birth::new(), Outbox::new(4 << 10));
        assert_eq!(birth.next(&mut outbox, 0, None), Step::Anything);
        outbox.put(message("label", MessageKind::State));
        assert_eq!(topic(&birth.next(&mut outbox, 0, Some(true))), "label");
        assert_eq!(birth.next(&mut outbox, 1, Some(true)), Step::Wait);
        let online = birth.next(&mut outbox, 0, Some(true));
        assert_eq!(online, Step::Availability(true));
    }

    #[test]
    fn a_daemon_that_hangs_is_offline_until_it_goes_on() {
        let (mut birth, mut outbox) = (Birth::new(), Outbox::new(4 << 10));
        for alive in [true, false, true] {
            let step = birth.next(&mut outbox, 0, Some(alive));
            assert_eq!(step, Step::Availability(alive));
            assert_eq!(birth.next(&mut outbox, 0, Some(alive)), Step::Anything);
        }
        let mut hanging = Birth::new();
        let step = hanging.next(&mut outbox, 0, Some(false));
        assert_eq!(step, Step::Availability(false));
    }
}
