//! What is sent, and in which order.

use std::time::Instant;

use super::Held;
use crate::publish::connection::birth::Step;
use crate::publish::connection::flight::Closing;
use crate::publish::connection::wire::{Sender, Unsendable};
use crate::publish::outbox::Ticket;

impl Held {
    /// Writes down what Home Assistant is about to be told, or what it knows now.
    pub(super) fn remember(&mut self) {
        let Some(record) = &self.record else {
            return;
        };
        let announced = self.shared.lock().discovery.unsaved();
        if let Some(announced) = announced {
            record.write(&announced);
        }
    }

    /// Hands waiting messages to the connection, as many as may be in flight. On a close, sends
    /// `offline` once everything is acknowledged, and disconnects once that is acknowledged too.
    /// Returns the deadline of the close.
    pub(super) fn send_waiting(&mut self, sender: &Sender) -> Option<Instant> {
        let window = sender.grant.window;
        let flight = &mut self.flight;
        let alive = self.liveness.alive();
        let mut state = self.shared.lock();
        loop {
            while flight.has_room(window) {
                let (ticket, message) = if let Some(message) = state.discovery.next() {
                    (Ticket::Free, message)
                } else {
                    match self.birth.next(&mut state.outbox, flight.len(), alive) {
                        Step::Wait => break,
                        Step::State(ticket, message) => (ticket, message),
                        Step::Availability(true) => (Ticket::Free, self.shared.online.clone()),
                        Step::Availability(false) => {
                            self.watch.published();
                            (Ticket::Free, self.shared.offline.clone())
                        }
                        Step::Anything => {
                            let answer = state.commands.next_answer();
                            let answer = answer.map(|answer| (Ticket::Free, answer));
                            match answer.or_else(|| state.outbox.next()) {
                                Some(next) => next,
                                None => break,
                            }
                        }
                    }
                };
                match sender.publish(&message) {
                    Ok(()) => {
                        flight.hand_over(ticket, &message);
                        state.counts.unacknowledged += 1;
                    }
                    Err(Unsendable::NoRoom) => {
                        state.outbox.give_back(ticket);
                        return state.closing;
                    }
                    Err(Unsendable::TooLarge(most)) => {
                        if !state.outbox.reject(ticket) {
                            state.counts.dropped += 1;
                        }
                        let line = format!(
                            "MQTT broker {}: dropped a message on {}: it is larger than the {most} bytes \
                             that the broker takes; raise its limit",
                            self.address, message.topic
                        );
                        if self.messages.allows(&line, Instant::now()) {
                            log::warn!("{line}");
                        }
                    }
                }
            }
            if state.closing.is_none() || flight.len() > 0 {
                return state.closing;
            }
            match flight.closing {
                Closing::NotStarted => {
                    state.outbox.put(self.shared.offline.clone());
                    flight.closing = Closing::Offline;
                }
                Closing::Offline => {
                    state.closed_cleanly = sender.disconnect();
                    flight.closing = Closing::Disconnect;
                }
                Closing::Disconnect => return state.closing,
            }
        }
    }
}
