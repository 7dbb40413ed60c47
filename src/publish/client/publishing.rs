//! Messages, from the caller into the outbox.

use std::sync::PoisonError;
use std::time::Instant;

use super::{PACKET, Publisher};
use crate::observe::Update;
use crate::publish::outbox::{Message, MessageKind};
use crate::publish::{Hashes, Payload, SnapshotInfo};

impl Publisher {
    /// Queues one message. Returns at once, whatever the state of the connection. A message that is
    /// larger than `mqtt.max_packet` is made smaller if it can be; one that cannot is counted.
    pub fn publish(&self, payload: &Payload<'_>) {
        let topic = &*payload.topic(&self.topics);
        let (kind, mut smaller) = (payload.kind(), None);
        loop {
            let payload = smaller.as_ref().unwrap_or(payload);
            let message = match payload.to_json() {
                Ok(json) => Message {
                    topic: topic.into(),
                    payload: json,
                    kind,
                    correlation: None,
                },
                Err(e) => {
                    let why = format!("{topic}: cannot write the message as JSON: {e}");
                    return self.drop_message(kind, &why);
                }
            };
            if self.fits(&message) {
                if smaller.is_some() {
                    self.note_too_large(topic, "sending a shorter one");
                }
                return self.put(message);
            }
            smaller = payload.clone().smaller();
            if smaller.is_none() {
                self.count_lost(kind);
                return self.note_too_large(topic, "dropping it");
            }
        }
    }

    /// Queues the messages for one update of the observer, made with the model and the head of
    /// `hashes`: the label, and on a change the event, whose id is returned. Returns at once.
    pub fn publish_update<'a>(
        &self,
        update: &Update<'a>,
        hashes: impl Into<Hashes<'a>>,
    ) -> Option<String> {
        let mut id = None;
        for payload in Payload::of(update, hashes, &self.ids) {
            self.publish(&payload);
            if let Payload::Event(event) = payload {
                id = Some(event.event);
            }
        }
        id
    }

    /// Queues the file `jpeg`, and what it shows before it. Only the newest picture waits for the
    /// broker, which keeps it if `retain` is set. Returns at once.
    pub(crate) fn publish_snapshot(&self, info: SnapshotInfo<'_>, jpeg: Vec<u8>, retain: bool) {
        let info = Payload::Snapshot(info, retain);
        self.publish(&info);
        self.put(Message {
            topic: self.topics.snapshot.clone(),
            payload: jpeg,
            kind: info.kind(),
            correlation: None,
        });
    }

    /// Whether the message fits into the largest packet.
    fn fits(&self, message: &Message) -> bool {
        message.topic.len() + message.payload.len() + PACKET <= self.max_packet
    }

    fn put(&self, message: Message) {
        let mut state = self.shared.lock();
        if state.closing.is_some() {
            drop(state);
            return self.count_lost(message.kind);
        }
        state.counts.replaced += u64::from(state.outbox.put(message));
        drop(state);
        self.shared.wake_thread();
    }

    /// Counts a message of this kind that is lost before it could wait.
    fn count_lost(&self, kind: MessageKind) {
        let mut state = self.shared.lock();
        match kind {
            MessageKind::Event => state.outbox.refuse_event(),
            MessageKind::State | MessageKind::Report | MessageKind::Once => {
                state.counts.dropped += 1
            }
        }
    }

    /// Logs the first message of `topic` that is too large, and what becomes of it.
    fn note_too_large(&self, topic: &str, so: &str) {
        let mut named = self
            .too_large
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !named.iter().any(|name| name == topic) {
            log::warn!(
                "{topic}: a message is larger than mqtt.max_packet, {} bytes; {so}, and so with later ones; \
                 set a larger mqtt.max_packet, or a smaller observe.top",
                self.max_packet
            );
            named.push(topic.into());
        }
    }

    fn drop_message(&self, kind: MessageKind, why: &str) {
        self.count_lost(kind);
        let mut limit = self.limit.lock().unwrap_or_else(PoisonError::into_inner);
        if limit.allows(why, Instant::now()) {
            log::warn!("{why}");
        }
    }
}
