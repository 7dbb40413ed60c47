//! What is subscribed to, and what follows from what is heard.

use std::time::{Instant, SystemTime};

use super::Held;
use crate::publish::connection::birth::Birth;
use crate::publish::connection::inbox::Heard;
use crate::publish::connection::rota::random;
use crate::publish::connection::subscriptions::REST;
use crate::publish::connection::wire::{Incoming, Sender};

impl Held {
    /// Subscribes to what is still to be subscribed to.
    pub(super) fn subscribe(&mut self, sender: &Sender) {
        while let Some(filters) = self.subscriptions.next(Instant::now()) {
            if !sender.subscribe(&filters) {
                log::debug!("MQTT broker {}: no room to subscribe", self.address);
            }
        }
    }

    pub(super) fn note_subscribed(&mut self, accepted: &[bool]) {
        let refused = self.subscriptions.answered(accepted, Instant::now());
        if refused.contains(&self.shared.offline.topic.as_str()) {
            log::warn!(
                "MQTT broker {}: it does not allow to subscribe to {}; if another client publishes `offline` there, \
                 that stays; allow it in the broker's access list; asking again each minute",
                self.address,
                self.shared.offline.topic
            );
        } else if !refused.is_empty() {
            log::warn!(
                "MQTT broker {}: it does not allow to subscribe to {}; allow it in the broker's access list; \
                 asking again each minute",
                self.address,
                refused.join(", ")
            );
        }
    }

    /// Leaves out subscriptions after a message above the largest packet, which would end each
    /// connection if it is retained.
    pub(super) fn leave_out(&mut self) {
        let resting = self.subscriptions.too_large(Instant::now());
        log::warn!(
            "MQTT broker {}: a message that is too large came on {}; not subscribing to that for {REST:?}; \
             delete the message if it is retained, with `mosquitto_pub -r -n -t TOPIC`",
            self.address,
            resting.join(" or ")
        );
    }

    pub(super) fn hear(&mut self, incoming: Incoming) {
        let now = Instant::now();
        let heard = self
            .inbox
            .hear(incoming, &mut self.shared.lock().commands, now);
        match heard {
            Heard::Nothing => {}
            Heard::Offline => self.watch.heard(now),
            Heard::Deleted => self.deletions.heard(now),
            Heard::Birth => {
                let share = random() as f64 / u64::MAX as f64;
                let delay = self.shared.lock().discovery.delay(share);
                self.birth_due.get_or_insert(now + delay);
            }
        }
    }

    /// Publishes all states again, `online` among them, after somebody else published `offline`.
    pub(super) fn stay_online(&mut self) {
        self.watch.answered(Instant::now());
        // Otherwise it was ours, or what we would publish.
        if self.shared.lock().closing.is_some() || !self.birth.is_online() {
            return;
        }
        self.give_birth_again();
        log::warn!(
            "MQTT broker {}: `offline` was published on {}, by another client or by the broker; publishing `online` \
             again; give each Goldcrest an id of its own",
            self.address,
            self.shared.offline.topic
        );
    }

    /// Announces the device again, after its user deleted it in Home Assistant.
    pub(super) fn stay_announced(&mut self) {
        self.deletions.answered(Instant::now());
        if self.shared.lock().closing.is_some() {
            return;
        }
        self.give_birth_again();
        log::info!(
            "Home Assistant: the device was deleted; announcing it again; set homeassistant.enabled = false to keep \
             it away"
        );
    }

    /// Publishes all states again, and `online` after them. Home Assistant, if it has started,
    /// knows nothing of what is not retained, so the last report is sent again too.
    pub(super) fn give_birth_again(&mut self) {
        self.birth_due = None;
        self.birth = Birth::new();
        let mut state = self.shared.lock();
        state.discovery.repeat(SystemTime::now());
        state.outbox.repeat();
    }
}
