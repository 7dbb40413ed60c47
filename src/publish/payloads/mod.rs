//! The messages: JSON in UTF-8, with the version of the format in `v`.

mod camera;
mod fields;
mod health;
mod label;
mod settings;
mod snapshot;
mod taught;
#[cfg(test)]
mod tests;

pub use camera::CameraState;
pub use fields::Hashes;
pub(crate) use fields::{Score, Time, VERSION};
pub use health::Health;
#[cfg(test)]
pub(crate) use health::sample::health as sample_health;
pub(crate) use health::{MemoryUse, OutboxUse, Queue, RegionHealth};
pub use label::{Event, Label};
pub(crate) use label::{Top, Unknown};
pub(crate) use settings::RegionSettings;
pub use settings::Settings;
pub use snapshot::SnapshotInfo;
pub use taught::TaughtState;

use std::borrow::Cow;

use super::Topics;
use super::event_ids::EventIds;
use super::outbox::MessageKind;
use crate::observe::Update;

/// A message for one of the topics.
#[derive(Clone, Debug, PartialEq)]
pub enum Payload<'a> {
    /// For `label`, retained; of a region for `<region>/label`.
    Label(Label<'a>),
    /// For `event`, not retained; of a region for `<region>/event`.
    Event(Event<'a>),
    /// For `camera`, retained.
    Camera(CameraState<'a>),
    /// For `health`, not retained.
    Health(Box<Health<'a>>),
    /// For `settings`, retained.
    Settings(Settings<'a>),
    /// For `snapshot/info`; retained if the flag is set.
    Snapshot(SnapshotInfo<'a>, bool),
}

impl<'a> Payload<'a> {
    /// The messages for `update`, made with the model and the head of `hashes`: the label, and on a
    /// change the event, with its id of `ids`.
    pub fn of<H: Into<Hashes<'a>>>(
        update: &Update<'a>,
        hashes: H,
        ids: &EventIds,
    ) -> impl Iterator<Item = Self> + use<'a, H> {
        let hashes = hashes.into();
        let label = Self::Label(Label::new(update.statement(), hashes));
        let event = match update {
            Update::Change {
                statement,
                previous,
            } => Some(Self::Event(Event::new(statement, *previous, hashes, ids))),
            Update::Return(_) | Update::Heartbeat(_) => None,
        };
        std::iter::once(label).chain(event)
    }

    /// The topic that this message belongs to.
    pub(crate) fn topic<'t>(&self, topics: &'t Topics) -> Cow<'t, str> {
        let topic = match self {
            Self::Label(label) => return topics.label_of(label.region),
            Self::Event(event) => return topics.event_of(event.label.region),
            Self::Camera(_) => &topics.camera,
            Self::Health(_) => &topics.health,
            Self::Settings(_) => &topics.settings,
            Self::Snapshot(..) => &topics.snapshot_info,
        };
        topic.into()
    }

    /// Which messages of the topic wait for the broker, and which of them it keeps.
    pub(super) fn kind(&self) -> MessageKind {
        match self {
            Self::Label(_) | Self::Camera(_) | Self::Settings(_) | Self::Snapshot(_, true) => {
                MessageKind::State
            }
            Self::Event(_) => MessageKind::Event,
            Self::Health(_) => MessageKind::Report,
            Self::Snapshot(_, false) => MessageKind::Once,
        }
    }

    /// A smaller message that is as true, to be tried where this one is too large; `None` if there
    /// is none.
    pub(super) fn smaller(self) -> Option<Self> {
        match self {
            Self::Label(label) => label.smaller().map(Self::Label),
            Self::Event(event) => event.smaller().map(Self::Event),
            Self::Camera(camera) => camera.smaller().map(Self::Camera),
            Self::Settings(settings) => settings.smaller().map(Self::Settings),
            Self::Health(_) | Self::Snapshot(..) => None,
        }
    }

    /// The message as JSON.
    ///
    /// # Errors
    /// When serde_json fails, which it does for none of these types.
    pub(crate) fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        match self {
            Self::Label(label) => serde_json::to_vec(label),
            Self::Event(event) => serde_json::to_vec(event),
            Self::Camera(camera) => serde_json::to_vec(camera),
            Self::Health(health) => serde_json::to_vec(health),
            Self::Settings(settings) => serde_json::to_vec(settings),
            Self::Snapshot(info, _) => serde_json::to_vec(info),
        }
    }
}
