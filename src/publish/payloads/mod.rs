//! What the messages hold: JSON, UTF-8, with the version of its form in `v`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Serialize, Serializer};

use super::Topics;
use crate::frame::{Captured, PictureState};
use crate::observe::{Say, Statement};
use crate::source::{Cause, FrameCounters, Mode, SourceState, Status};

/// The version of the form of all payloads.
pub const VERSION: u8 = 1;

/// The last second that RFC 3339 can write, 9999-12-31T23:59:59Z, in seconds since 1970.
const LAST_SECOND: u64 = 253_402_300_799;

/// A point in time, written as RFC 3339 in UTC with milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time(pub SystemTime);

impl Time {
    /// Since 1970, kept to what RFC 3339 can write: a board without a clock may be anywhere.
    fn since_epoch(self) -> Duration {
        let since = self.0.duration_since(UNIX_EPOCH).unwrap_or_default();
        since.min(Duration::from_secs(LAST_SECOND))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let time = UNIX_EPOCH + self.since_epoch();
        serializer.collect_str(&humantime::format_rfc3339_millis(time))
    }
}

/// A score of 0 to 1, written with four decimals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score(pub f32);

impl Serialize for Score {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64((f64::from(self.0) * 1e4).round() / 1e4)
    }
}

/// One of the best labels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Top<'a> {
    /// The label.
    pub label: &'a str,
    /// Its score.
    pub score: Score,
}

/// What is seen now, the payload of `label`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Label<'a> {
    v: u8,
    /// The label, or the configured text for unknown.
    pub label: &'a str,
    /// Its smoothed score.
    pub score: Score,
    /// The best labels, best first.
    pub top: Vec<Top<'a>>,
    /// Since when that label holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// Number of the frame.
    pub seq: u64,
    /// When the frame was captured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub captured: Option<Time>,
    /// SHA-256 of the model, in hex.
    pub model: &'a str,
}

impl<'a> Label<'a> {
    /// What `statement` says, seen with the model whose hash is `model`.
    pub fn new(statement: &Statement<'a>, model: &'a str) -> Self {
        let top = statement.top_names().map(|(label, score)| Top {
            label,
            score: Score(score),
        });
        Self {
            v: VERSION,
            label: statement.label,
            score: Score(statement.score),
            top: top.collect(),
            since: Some(Time(statement.since.wall)),
            seq: statement.seq,
            captured: Some(Time(statement.captured.wall)),
            model,
        }
    }

    /// The same without `since` and `captured`, for output that is to be the same each time.
    #[must_use]
    pub fn without_times(self) -> Self {
        Self {
            since: None,
            captured: None,
            ..self
        }
    }
}

/// A change, the payload of `event`: the new [`Label`] and these.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Event<'a> {
    /// What is seen now.
    #[serde(flatten)]
    pub label: Label<'a>,
    /// Names this event, see [`Event::id`].
    pub event: String,
    /// The label before; `null` at the first one.
    pub previous: Option<&'a str>,
}

impl<'a> Event<'a> {
    /// The change from `previous` to what `statement` says.
    pub fn new(statement: &Statement<'a>, previous: Option<&'a str>, model: &'a str) -> Self {
        Self {
            label: Label::new(statement, model),
            event: Self::id(statement.captured, statement.seq),
            previous,
        }
    }

    /// The name of what happened at one frame: milliseconds since 1970 and the frame's number, as
    /// in `1735732800123-42`. A snapshot of the same frame has the same.
    pub fn id(captured: Captured, seq: u64) -> String {
        let millis = Time(captured.wall).since_epoch().as_millis();
        format!("{millis}-{seq}")
    }
}

/// How the camera is, the payload of `camera`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CameraState<'a> {
    v: u8,
    /// `streaming` or `lost`.
    pub state: SourceState,
    /// Why it is lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// The same for people, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<&'a str>,
    /// Since when it streams or is lost.
    pub since: Time,
    /// Whether its pictures show anything: `ok`, `dark` or `stuck`; only while it streams.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture: Option<PictureState>,
    /// The node that is or was open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<&'a str>,
    /// The card's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card: Option<&'a str>,
    /// How its frames are read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<&'a Mode>,
    /// How often it was lost.
    pub losses: u64,
    /// What became of the frames up to this change.
    pub counters: &'a FrameCounters,
}

impl<'a> CameraState<'a> {
    /// What `status` says, and the pictures.
    pub fn new(status: &'a Status, picture: PictureState) -> Self {
        Self {
            v: VERSION,
            state: status.state,
            cause: status.loss.as_ref().map(|loss| loss.cause),
            message: status.loss.as_ref().map(|loss| loss.message.as_str()),
            since: Time(status.since.wall),
            picture: (status.state == SourceState::Streaming).then_some(picture),
            device: status.device.as_deref(),
            card: status.card.as_deref(),
            mode: status.mode.as_ref(),
            losses: status.losses,
            counters: &status.counters,
        }
    }
}

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub enum Payload<'a> {
    /// On `label`, retained.
    Label(Label<'a>),
    /// On `event`, not retained.
    Event(Event<'a>),
    /// On `camera`, retained.
    Camera(CameraState<'a>),
    /// On `health`, not retained; JSON as it is written by whoever knows it all.
    Health(String),
}

impl<'a> Payload<'a> {
    /// The messages that go out when `say` is said: the label, and the event if it is a change.
    pub fn of(say: &Say<'a>, model: &'a str) -> impl Iterator<Item = Self> + use<'a> {
        let label = Self::Label(Label::new(say.statement(), model));
        let event = match say {
            Say::Change {
                statement,
                previous,
            } => Some(Self::Event(Event::new(statement, *previous, model))),
            Say::Heartbeat(_) => None,
        };
        std::iter::once(label).chain(event)
    }

    /// The one of `topics` that it is said on.
    pub fn topic<'t>(&self, topics: &'t Topics) -> &'t str {
        match self {
            Self::Label(_) => &topics.label,
            Self::Event(_) => &topics.event,
            Self::Camera(_) => &topics.camera,
            Self::Health(_) => &topics.health,
        }
    }

    pub(super) fn retained(&self) -> bool {
        matches!(self, Self::Label(_) | Self::Camera(_))
    }

    /// The message.
    ///
    /// # Errors
    /// When serde_json fails, which it does for none of these.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        match self {
            Self::Label(label) => serde_json::to_vec(label),
            Self::Event(event) => serde_json::to_vec(event),
            Self::Camera(camera) => serde_json::to_vec(camera),
            Self::Health(json) => Ok(json.clone().into_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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

    fn json(payload: &Payload<'_>) -> String {
        String::from_utf8(payload.to_json().unwrap()).unwrap()
    }

    #[test]
    fn a_change_is_a_label_and_an_event_to_the_letter() {
        let mut observer = observer();
        let say = observer
            .step(&[0.91236, 0.05, 0.01], 7, captured(123))
            .unwrap();
        let sent: Vec<_> = Payload::of(&say, "abc").collect();
        let label = concat!(
            r#"{"v":1,"label":"wine \"red\"","score":0.9124,"top":[{"label":"wine \"red\"","score":0.9124},"#,
            r#"{"label":"öl","score":0.05}],"since":"2025-01-01T12:00:00.123Z","seq":7,"#,
            r#""captured":"2025-01-01T12:00:00.123Z","model":"abc""#,
        );
        assert_eq!(sent.len(), 2);
        assert_eq!(json(&sent[0]), format!("{label}}}"));
        assert_eq!(
            json(&sent[1]),
            format!(r#"{label},"event":"1735732800123-7","previous":null}}"#)
        );
        let topics = Topics::new("goldcrest", "a").unwrap();
        let kinds = sent.iter().map(|p| (p.topic(&topics), p.retained()));
        assert_eq!(
            kinds.collect::<Vec<_>>(),
            [("goldcrest/a/label", true), ("goldcrest/a/event", false)]
        );
    }

    #[test]
    fn a_heartbeat_is_a_label_only_and_a_later_change_names_the_label_before() {
        let mut observer = observer();
        observer.step(&[0.9, 0.05, 0.05], 0, captured(0));
        let say = observer
            .step(&[0.9, 0.05, 0.05], 1, captured(1000))
            .unwrap();
        let sent: Vec<_> = Payload::of(&say, "abc").collect();
        assert!(matches!(&sent[..], [Payload::Label(l)] if l.seq == 1));
        let say = observer
            .step(&[0.05, 0.9, 0.05], 2, captured(1100))
            .unwrap();
        let event = Payload::of(&say, "abc").last();
        assert!(
            matches!(&event, Some(Payload::Event(e)) if e.previous == Some("wine \"red\"") && e.label.label == "öl")
        );
    }

    #[test]
    fn the_cameras_state_is_retained_and_says_why_it_is_lost() {
        let status = crate::source::camera::Camera::new(Default::default())
            .status()
            .clone();
        let payload = Payload::Camera(CameraState::new(&status, PictureState::Dark));
        let topics = Topics::new("goldcrest", "a").unwrap();
        assert_eq!(payload.topic(&topics), "goldcrest/a/camera");
        assert!(payload.retained());
        let json: serde_json::Value = serde_json::from_str(&json(&payload)).unwrap();
        assert_eq!(json["v"], 1);
        assert_eq!(json["state"], "lost");
        assert_eq!(json["cause"], "opening");
        assert_eq!(json["counters"]["delivered"], 0);
        assert!(json["since"].as_str().unwrap().ends_with('Z'));
        assert!(json.get("device").is_none() && json.get("picture").is_none());

        let status = Monitor::steady("a drawing").status();
        let json = serde_json::to_value(CameraState::new(&status, PictureState::Dark)).unwrap();
        assert_eq!(
            (&json["state"], &json["picture"]),
            (&"streaming".into(), &"dark".into())
        );
        assert_eq!(json["card"], "a drawing");
        assert!(json.get("cause").is_none());
    }

    #[test]
    fn without_times_there_are_none() {
        let mut observer = observer();
        let say = observer.step(&[0.9, 0.05, 0.05], 0, captured(0)).unwrap();
        let label = Label::new(say.statement(), "abc").without_times();
        let text = serde_json::to_string(&label).unwrap();
        assert!(
            !text.contains("since") && !text.contains("captured"),
            "{text}"
        );
    }

    #[test]
    fn times_beyond_what_can_be_written_are_kept_to_it() {
        let text = |time| serde_json::to_string(&Time(time)).unwrap();
        let hour = Duration::from_secs(3600);
        assert_eq!(text(UNIX_EPOCH - hour), r#""1970-01-01T00:00:00.000Z""#);
        let far = UNIX_EPOCH + Duration::from_secs(LAST_SECOND) + hour;
        assert_eq!(text(far), r#""9999-12-31T23:59:59.000Z""#);
    }

    #[test]
    fn scores_have_four_decimals() {
        for (score, text) in [
            (0.1f32, "0.1"),
            (0.99996, "1.0"),
            (1.0 / 3.0, "0.3333"),
            (0.0, "0.0"),
        ] {
            assert_eq!(serde_json::to_string(&Score(score)).unwrap(), text);
        }
    }
}
