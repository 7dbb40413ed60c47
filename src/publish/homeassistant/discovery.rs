//! What Home Assistant is told, when, and in which order. Knows neither the network nor the clock.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use super::device::{Device, Offer};
use super::message::{self, Platforms};
use super::record::Announced;
use super::sight;
use crate::publish::outbox::{Message, MessageKind};
use crate::publish::payloads::{Label, Payload, Unknown};
use crate::region::Places;

/// The shortest delay after a start of Home Assistant, which is busy then.
pub(super) const DELAY: Duration = Duration::from_secs(1);

/// The most bytes of a packet beside topic and payload: fixed header, lengths, packet id and
/// properties.
const OVERHEAD: usize = 16;

/// The messages for Home Assistant that wait, and what it was told before.
///
/// They are sent before all other messages that wait, because the order counts. If the labels have
/// changed, Home Assistant must first learn that no label is known, then the new labels, then a
/// label of them: a state that the list lacks breaks its entity.
#[derive(Debug)]
pub(crate) struct Discovery {
    device: Option<Device>,
    /// The broker, as host and port.
    broker: String,
    /// The largest packet that is configured, in bytes.
    max_packet: usize,
    /// The largest packet that the broker takes too.
    most: usize,
    /// The most time after a start of Home Assistant until it is told everything again.
    within: Duration,
    /// The devices that Home Assistant may know, ours among them.
    announced: Vec<Announced>,
    /// Whether `announced` is not what was told last to be remembered.
    unsaved: bool,
    /// Why Home Assistant may hold a label that the next discovery message lacks, and of what;
    /// `None` if it does not.
    stale: Option<(Unknown, Places)>,
    waiting: VecDeque<Message>,
    /// Whether anything was sent since all was acknowledged.
    unsettled: bool,
    /// Whether the device was announced: its message was not too large.
    told: bool,
    /// Whether it was logged that the labels are left out.
    complained: bool,
}

impl Discovery {
    /// The messages of `device`, or without one those that take back what was `announced` at
    /// `broker` before.
    pub(super) fn new(
        device: Option<Device>,
        broker: String,
        max_packet: usize,
        within: Duration,
        announced: Vec<Announced>,
    ) -> Self {
        Self {
            device,
            broker,
            max_packet,
            most: max_packet,
            within,
            announced,
            unsaved: false,
            stale: Some((Unknown::Starting, Places::ALL)),
            waiting: VecDeque::new(),
            unsettled: false,
            told: false,
            complained: false,
        }
    }

    /// Nothing is told and nothing is taken back.
    pub(crate) fn none() -> Self {
        Self::new(None, String::new(), 0, Duration::ZERO, Vec::new())
    }

    /// The message, topic and payload, with which Home Assistant announces its start.
    pub(crate) fn birth(&self) -> Option<(String, String)> {
        let device = self.device.as_ref()?;
        Some((device.status_topic(), "online".into()))
    }

    /// The topic of the device, on which others should publish nothing.
    pub(crate) fn topic(&self) -> Option<String> {
        self.device.as_ref().map(Device::discovery_topic)
    }

    /// The connection is open, and the broker takes packets of `most` bytes: takes back what is not
    /// wanted any more, and announces the device.
    pub(crate) fn connected(&mut self, most: usize, now: SystemTime) {
        self.most = most.min(self.max_packet);
        self.unsettled = true;
        self.waiting.clear();
        let ours = self.device.as_ref().map(Device::discovery_topic);
        for old in &self.announced {
            if old.broker == self.broker && Some(&old.topic) != ours.as_ref() {
                self.waiting.push_back(retained(&old.topic, Vec::new()));
            }
        }
        self.announce(now);
    }

    /// The connection is lost.
    pub(crate) fn disconnected(&mut self) {
        self.waiting.clear();
    }

    /// The instance offers something else. `connected` tells whether the connection is open.
    /// If labels differ, no label is known there until one of the new ones is published: returns the
    /// reason and the places.
    pub(crate) fn offered(
        &mut self,
        offer: Offer,
        connected: bool,
        now: SystemTime,
    ) -> Option<(Unknown, Places)> {
        let device = self.device.as_mut()?;
        let before = std::mem::replace(&mut device.offer, offer);
        let offer = &device.offer;
        let places = offer.relabelled(&before);
        let other_head = offer.model_hash == before.model_hash && offer.reheaded(&before, places);
        let reason = if other_head {
            Unknown::HeadChanged
        } else {
            Unknown::ModelChanged
        };
        if !offer.says_the_same(&before) {
            if !places.is_empty() {
                let (_, all) = self.stale.get_or_insert((reason, places));
                all.add_all(places);
                self.stale = Some((reason, *all));
            }
            if connected {
                self.announce(now);
            }
        }
        (!places.is_empty()).then_some((reason, places))
    }

    /// How long after a start of Home Assistant it is told everything again: many instances hear of
    /// it at once. `random` is between 0 and 1.
    pub(crate) fn delay(&self, random: f64) -> Duration {
        DELAY + self.within.saturating_sub(DELAY).mul_f64(random)
    }

    /// Home Assistant has started: announces the device again. All states must follow.
    pub(crate) fn repeat(&mut self, now: SystemTime) {
        self.announce(now);
    }

    /// Takes the next message to send.
    pub(crate) fn next(&mut self) -> Option<Message> {
        self.waiting.pop_front()
    }

    /// The number of waiting messages.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// The broker acknowledged all messages: Home Assistant knows what it was told last.
    pub(crate) fn settled(&mut self) {
        if !self.waiting.is_empty() || !std::mem::take(&mut self.unsettled) {
            return;
        }
        let ours = self.device.as_ref().map(|device| Announced {
            broker: self.broker.clone(),
            topic: device.discovery_topic(),
            components: message::platforms(device),
        });
        let (told, before) = match &ours {
            Some(ours) => (self.told, self.place(&ours.topic)),
            None => (false, None),
        };
        let before = before.map(|place| self.announced[place].clone());
        let elsewhere = |old: &&Announced| old.broker != self.broker;
        let mut left: Vec<_> = self.announced.iter().filter(elsewhere).cloned().collect();
        left.extend(if told { ours } else { before });
        if told {
            self.stale = None;
        }
        self.set_announced(left);
    }

    /// What is to be remembered, once after each change.
    pub(crate) fn unsaved(&mut self) -> Option<Vec<Announced>> {
        std::mem::take(&mut self.unsaved).then(|| self.announced.clone())
    }

    /// Queues the discovery message, and what must precede it.
    fn announce(&mut self, now: SystemTime) {
        let Some(device) = &self.device else {
            return;
        };
        let topic = device.discovery_topic();
        let mut components = message::platforms(device);
        let mut removed = match self.place(&topic) {
            Some(place) => self.announced[place].components.clone(),
            None => Platforms::new(),
        };
        removed.retain(|key, _| !components.contains_key(key));
        let with_options = self.fits(&topic, &message::payload(device, true, &removed));
        let payload = message::payload(device, with_options, &Platforms::new());
        let mut messages = Vec::new();
        if let Some((reason, places)) = self.stale {
            messages.extend(no_labels(device, reason, places, now));
        }
        if !removed.is_empty() {
            let removal = message::payload(device, with_options, &removed);
            messages.push(retained(&topic, removal));
        }
        for region in removed.keys().filter_map(|key| sight::region_of(key)) {
            // Nobody publishes there any more. Home Assistant does not listen any more.
            let label = device.topic(&format!("{region}/label"));
            messages.push(retained(&label, Vec::new()));
        }
        let count: usize = device.offer.seen.iter().map(|seen| seen.labels.len()).sum();
        let fits = self.fits(&topic, &payload);
        if fits {
            messages.push(retained(&topic, payload));
        }
        if !with_options && !std::mem::replace(&mut self.complained, true) {
            let effect = if fits {
                "offers no list of them"
            } else {
                "is told nothing"
            };
            let most = self.most;
            log::warn!(
                "homeassistant: the message with {count} labels is larger than the {most} bytes that mqtt.max_packet \
                 or the broker allows; Home Assistant {effect}; raise that limit"
            );
        }
        self.told = fits;
        if !fits {
            return;
        }
        self.unsettled = true;
        components.append(&mut removed);
        self.remember(topic, components);
        self.waiting.extend(messages);
    }

    /// The place in `announced` of a topic at our broker.
    fn place(&self, topic: &str) -> Option<usize> {
        let is = |a: &Announced| a.broker == self.broker && a.topic == topic;
        self.announced.iter().position(is)
    }

    /// Remembers what is about to be told, before it is.
    fn remember(&mut self, topic: String, components: Platforms) {
        let mut all = self.announced.clone();
        all.retain(|a| a.broker != self.broker || a.topic != topic);
        all.push(Announced {
            broker: self.broker.clone(),
            topic,
            components,
        });
        self.set_announced(all);
    }

    fn set_announced(&mut self, announced: Vec<Announced>) {
        self.unsaved |= announced != self.announced;
        self.announced = announced;
    }

    /// Whether a message fits into a packet.
    fn fits(&self, topic: &str, payload: &[u8]) -> bool {
        topic.len() + payload.len() + OVERHEAD <= self.most
    }
}

fn retained(topic: &str, payload: Vec<u8>) -> Message {
    Message {
        topic: topic.into(),
        payload,
        kind: MessageKind::State,
        correlation: None,
    }
}

/// The messages that no label is known in these places.
fn no_labels(
    device: &Device,
    reason: Unknown,
    places: Places,
    now: SystemTime,
) -> impl Iterator<Item = Message> {
    let seen = device.offer.seen.iter().enumerate();
    let seen = seen.filter(move |(place, _)| places.has(*place));
    seen.filter_map(move |(_, seen)| {
        let label = Label::unknown(reason, now, None, device.offer.hashes(seen));
        let payload = Payload::Label(label).to_json().ok()?;
        Some(retained(&device.topic_of(seen, "label"), payload))
    })
}
