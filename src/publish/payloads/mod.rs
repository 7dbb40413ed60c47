//! The messages: JSON in UTF-8, with the version of the format in `v`.

mod camera;
mod fields;
mod health;
mod label;
mod settings;
mod snapshot;
mod taught;

pub use camera::CameraState;
pub use fields::Hashes;
pub(crate) use fields::{Score, Time, VERSION};
pub use health::Health;
#[cfg(test)]
pub(crate) use health::sample::health as sample_health;
pub(crate) use health::{MemoryUse, OutboxUse, Queue};
pub use label::{Event, Label};
pub(crate) use label::{Top, Unknown};
pub use settings::Settings;
pub use snapshot::SnapshotInfo;
pub use taught::TaughtState;

use super::Topics;
use super::event_ids::EventIds;
use super::outbox::MessageKind;
use crate::observe::Update;

/// A message for one of the topics.
#[derive(Clone, Debug, PartialEq)]
pub enum Payload<'a> {
    /// For `label`, retained.
    Label(Label<'a>),
    /// For `event`, not retained.
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
    pub(crate) fn topic<'t>(&self, topics: &'t Topics) -> &'t str {
        match self {
            Self::Label(_) => &topics.label,
            Self::Event(_) => &topics.event,
            Self::Camera(_) => &topics.camera,
            Self::Health(_) => &topics.health,
            Self::Settings(_) => &topics.settings,
            Self::Snapshot(..) => &topics.snapshot_info,
        }
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

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::frame::{Captured, PictureState};
    use crate::observe::{Config, Observer};
    use crate::source::Monitor;

    fn captured(millis: u64) -> Captured {
        Captured {
            elapsed: Duration::from_millis(millis),
            wall: UNIX_EPOCH + Duration::from_millis(1_735_732_800_000 + millis),
        }
    }

    fn observer() -> Observer {
        let config = Config {
            frames: 1,
            top: 2,
            heartbeat: 1.0,
            smoothing: 0.0,
            ..Config::default()
        };
        Observer::new(
            &config,
            &["wine \"red\"".into(), "öl".into(), "water".into()],
        )
    }

    fn ids() -> EventIds {
        EventIds::of_parts(&["test"])
    }

    fn json(payload: &Payload<'_>) -> String {
        String::from_utf8(payload.to_json().unwrap()).unwrap()
    }

    #[test]
    fn a_change_is_a_label_and_an_event() {
        let mut observer = observer();
        let update = observer
            .step(&[0.91236, 0.05, 0.01], 7, captured(123))
            .unwrap();
        let sent: Vec<_> = Payload::of(&update, "abc", &ids()).collect();
        let label = concat!(
            r#"{"v":1,"label":"wine \"red\"","score":0.9124,"top":[{"label":"wine \"red\"","score":0.9124},"#,
            r#"{"label":"öl","score":0.05}],"since":"2025-01-01T12:00:00.123Z","seq":7,"#,
            r#""captured":"2025-01-01T12:00:00.123Z","model":"abc","head":null"#,
        );
        assert_eq!(sent.len(), 2);
        assert_eq!(json(&sent[0]), format!("{label}}}"));
        assert_eq!(
            json(&sent[1]),
            format!(r#"{label},"event":"{}","previous":null}}"#, ids().at(7))
        );
    }

    #[test]
    fn each_message_has_its_topic_and_kind() {
        let topics = Topics::new("goldcrest", "a").unwrap();
        let status = Monitor::steady("a drawing").status();
        let mut observer = observer();
        let update = observer.step(&[0.9, 0.05, 0.05], 0, captured(0)).unwrap();
        let camera = Payload::Camera(CameraState::new(&status, PictureState::Ok));
        let sent = Payload::of(&update, "abc", &ids()).chain([camera]);
        let found: Vec<_> = sent.map(|p| (p.topic(&topics), p.kind())).collect();
        assert_eq!(
            found,
            [
                ("goldcrest/a/label", MessageKind::State),
                ("goldcrest/a/event", MessageKind::Event),
                ("goldcrest/a/camera", MessageKind::State)
            ]
        );
    }

    /// Length and hash of a picture's file.
    fn file() -> (usize, String) {
        (4, "fb4c".into())
    }

    #[test]
    fn a_snapshot_names_its_event_or_its_command() {
        let of = |event, command| {
            let info = SnapshotInfo::new(event, command, (7, captured(0)), (4, 3), file());
            json(&Payload::Snapshot(info, false))
        };
        let rest = concat!(
            r#""seq":7,"captured":"2025-01-01T12:00:00.000Z","width":4,"height":3,"bytes":4,"#,
            r#""sha256":"fb4c"}"#,
        );
        assert_eq!(
            of(Some(("1-7", "open")), false),
            format!(r#"{{"v":1,"event":"1-7","label":"open","command":false,{rest}"#)
        );
        assert_eq!(
            of(None, true),
            format!(r#"{{"v":1,"event":null,"label":null,"command":true,{rest}"#)
        );
    }

    #[test]
    fn a_snapshot_is_a_state_only_if_it_is_retained() {
        let info = SnapshotInfo::new(None, true, (7, captured(0)), (4, 3), file());
        for (retain, kind) in [(true, MessageKind::State), (false, MessageKind::Once)] {
            assert_eq!(Payload::Snapshot(info.clone(), retain).kind(), kind);
        }
    }

    #[test]
    fn a_heartbeat_is_a_label_alone() {
        let mut observer = observer();
        observer.step(&[0.9, 0.05, 0.05], 0, captured(0));
        let update = observer
            .step(&[0.9, 0.05, 0.05], 1, captured(1000))
            .unwrap();
        let sent: Vec<_> = Payload::of(&update, "abc", &ids()).collect();
        assert!(matches!(&sent[..], [Payload::Label(l)] if l.seq == Some(1)));
    }

    #[test]
    fn a_later_change_names_the_previous_label() {
        let mut observer = observer();
        observer.step(&[0.9, 0.05, 0.05], 0, captured(0));
        let update = observer.step(&[0.05, 0.9, 0.05], 1, captured(100)).unwrap();
        let event = Payload::of(&update, "abc", &ids()).last();
        assert!(
            matches!(&event, Some(Payload::Event(e)) if e.previous == Some("wine \"red\"") && e.label.label == Some("öl"))
        );
    }

    #[test]
    fn unknown_is_published_without_the_score_of_another_label() {
        let mut observer = observer();
        let update = observer.step(&[0.5, 0.2, 0.1], 4, captured(0)).unwrap();
        for payload in Payload::of(&update, "abc", &ids()) {
            let json: serde_json::Value = serde_json::from_str(&json(&payload)).unwrap();
            assert_eq!(json["label"], "unknown");
            assert!(
                json["score"].is_null() && json.get("score").is_some(),
                "{json}"
            );
            assert_eq!(json["top"][0]["score"], 0.5);
        }
    }

    #[test]
    fn a_withdrawn_label_is_null_and_has_its_reason() {
        let since = captured(500).wall;
        let label = |last| Payload::Label(Label::unknown(Unknown::CameraLost, since, last, "abc"));
        assert_eq!(
            json(&label(Some((7, captured(0))))),
            concat!(
                r#"{"v":1,"label":null,"score":null,"top":[],"since":"2025-01-01T12:00:00.500Z","seq":7,"#,
                r#""captured":"2025-01-01T12:00:00.000Z","model":"abc","head":null,"reason":"camera lost"}"#,
            )
        );
        let text = json(&label(None));
        assert!(text.contains(r#""seq":null,"captured":null"#), "{text}");
    }

    #[test]
    fn a_taught_head_is_named_beside_the_model() {
        let mut observer = observer();
        let update = observer.step(&[0.9, 0.05, 0.05], 0, captured(0)).unwrap();
        let hashes = Hashes {
            model: "abc",
            head: Some("def"),
        };
        let changed = Label::unknown(Unknown::HeadChanged, captured(0).wall, None, hashes);
        let all = Payload::of(&update, hashes, &ids()).chain([Payload::Label(changed)]);
        let all: Vec<_> = all.map(|payload| json(&payload)).collect();
        for text in &all {
            assert!(text.contains(r#""model":"abc","head":"def""#), "{text}");
        }
        assert!(
            all[2].ends_with(r#""reason":"head changed"}"#),
            "{}",
            all[2]
        );
    }

    #[test]
    fn a_message_that_is_too_large_shrinks_to_one_that_is_true() {
        let mut observer = observer();
        let update = observer.step(&[0.9, 0.05, 0.05], 0, captured(0)).unwrap();
        let shrunk = |mut payload: Payload<'_>| {
            let mut all = Vec::new();
            while let Some(smaller) = payload.smaller() {
                let json: serde_json::Value = serde_json::from_str(&json(&smaller)).unwrap();
                let top = json["top"].as_array().map(Vec::len);
                all.push((json["label"].clone(), top, json["reason"].clone()));
                payload = smaller;
            }
            all
        };
        let wine = || serde_json::Value::from("wine \"red\"");
        let none = serde_json::Value::Null;
        let cut = [1, 0].map(|top| (wine(), Some(top), none.clone()));
        let [label, event] = Payload::of(&update, "abc", &ids())
            .collect::<Vec<_>>()
            .try_into()
            .unwrap();
        assert_eq!(shrunk(event), cut);
        let withdrawn = (none, Some(0), "too large".into());
        assert_eq!(shrunk(label), [&cut[..], &[withdrawn]].concat());
        let status = Monitor::steady("a drawing").status();
        let camera = Payload::Camera(CameraState::new(&status, PictureState::Ok));
        let smaller = json(&camera.smaller().unwrap());
        assert!(
            smaller.contains("streaming") && !smaller.contains("drawing"),
            "{smaller}"
        );
    }
}
