//! The device as a whole.

use super::config::Config;
use crate::publish::payloads::Hashes;
use crate::region::Places;

/// What is seen in the whole picture, or in one region of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// The region's name; `None` for the whole picture.
    pub region: Option<String>,
    /// All labels that may be published beside `unknown`.
    pub labels: Vec<String>,
    /// The SHA-256 of the taught head's file, in hex, if there is one.
    pub head_hash: Option<String>,
}

/// What may change while an instance runs, as far as Home Assistant is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// One without regions, and otherwise one for each, in their order.
    pub seen: Vec<Seen>,
    /// The text published where no label is claimed, `[observe] unknown`.
    pub unknown: String,
    /// The model's name.
    pub model: String,
    /// The model's SHA-256, in hex.
    pub model_hash: String,
    /// Seconds between two health messages.
    pub health_interval: f64,
    /// Labels of which there are examples, and the one that is selected for the next.
    pub lessons: Vec<String>,
}

impl Offer {
    /// Whether Home Assistant is told the same of both: it is not told of the hashes.
    pub(super) fn says_the_same(&self, other: &Self) -> bool {
        let labels = |offer: &Self| -> Vec<Vec<String>> {
            offer.seen.iter().map(|seen| seen.labels.clone()).collect()
        };
        labels(self) == labels(other)
            && (&self.unknown, &self.model) == (&other.unknown, &other.model)
            && (self.health_interval, &self.lessons) == (other.health_interval, &other.lessons)
    }

    /// The region of `seen`, and the hashes of the model and of the head.
    pub(in crate::publish) fn hashes<'a>(&'a self, seen: &'a Seen) -> Hashes<'a> {
        Hashes {
            region: seen.region.as_deref(),
            model: &self.model_hash,
            head: seen.head_hash.as_deref(),
        }
    }

    /// Where labels differ from those of `before`, an offer of the same regions.
    pub(super) fn relabelled(&self, before: &Self) -> Places {
        let mut places = Places::default();
        for (place, (now, then)) in self.seen.iter().zip(&before.seen).enumerate() {
            if now.labels != then.labels || self.unknown != before.unknown {
                places.add(place);
            }
        }
        places
    }

    /// Whether one of these places has another head than `before`.
    pub(super) fn reheaded(&self, before: &Self, places: Places) -> bool {
        let heads = self.seen.iter().zip(&before.seen).enumerate();
        heads
            .into_iter()
            .any(|(place, (now, then))| places.has(place) && now.head_hash != then.head_hash)
    }
}

/// What an instance allows as long as it runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Abilities {
    /// Commands that are obeyed, by their names.
    pub commands: Vec<String>,
    /// Whether snapshots are published.
    pub snapshot: bool,
    /// Whether the machine has a thermometer.
    pub thermometer: bool,
    /// Whether it can be taught.
    pub teach: bool,
}

/// One instance as a device of Home Assistant.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Device {
    /// The name in ids and in the discovery topic.
    pub(super) node: String,
    prefix: String,
    /// The part of the instance's topics before their own names, without a slash at its end.
    base: String,
    pub(super) name: String,
    pub(super) area: Option<String>,
    pub(super) abilities: Abilities,
    pub(super) offer: Offer,
}

impl Device {
    /// The instance `id` below the topic `base`.
    pub(super) fn new(
        config: &Config,
        base: &str,
        id: &str,
        abilities: Abilities,
        offer: Offer,
    ) -> Self {
        Self {
            node: config.node(id),
            prefix: config.prefix.clone(),
            base: format!("{base}/{id}"),
            name: config
                .name
                .clone()
                .unwrap_or_else(|| format!("Goldcrest {id}")),
            area: config.area.clone(),
            abilities,
            offer,
        }
    }

    /// The instance's topic `name`.
    pub(super) fn topic(&self, name: &str) -> String {
        format!("{}/{name}", self.base)
    }

    /// The topic of the discovery message.
    pub(super) fn discovery_topic(&self) -> String {
        format!("{}/device/{}/config", self.prefix, self.node)
    }

    /// The topic on which Home Assistant publishes that it has started.
    pub(super) fn status_topic(&self) -> String {
        format!("{}/status", self.prefix)
    }

    /// The topic `name` of what is `seen`: the instance's own, or the region's.
    pub(super) fn topic_of(&self, seen: &Seen, name: &str) -> String {
        match &seen.region {
            Some(region) => format!("{}/{region}/{name}", self.base),
            None => self.topic(name),
        }
    }

    /// Whether a command is allowed.
    pub(super) fn allows(&self, command: &str) -> bool {
        self.abilities
            .commands
            .iter()
            .any(|allowed| allowed == command)
    }
}
