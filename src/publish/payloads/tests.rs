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
        format!(
            r#"{label},"event":"{}","previous":null}}"#,
            ids().at(7, None)
        )
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
    let found: Vec<_> = sent
        .map(|p| (p.topic(&topics).into_owned(), p.kind()))
        .collect();
    assert_eq!(
        found,
        [
            ("goldcrest/a/label".into(), MessageKind::State),
            ("goldcrest/a/event".into(), MessageKind::Event),
            ("goldcrest/a/camera".into(), MessageKind::State)
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
        region: None,
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

#[test]
fn messages_of_a_region_name_it_and_have_topics_of_its_own() {
    let topics = Topics::new("goldcrest", "a").unwrap();
    let mut observer = observer();
    let update = observer.step(&[0.9, 0.05, 0.05], 7, captured(0)).unwrap();
    let hashes = Hashes {
        region: Some("left"),
        model: "cafe",
        head: None,
    };
    let sent: Vec<_> = Payload::of(&update, hashes, &ids()).collect();
    let found: Vec<_> = sent.iter().map(|p| p.topic(&topics)).collect();
    assert_eq!(found, ["goldcrest/a/left/label", "goldcrest/a/left/event"]);
    for payload in &sent {
        let json = String::from_utf8(payload.to_json().unwrap()).unwrap();
        assert!(
            json.starts_with(r#"{"v":1,"region":"left","label":"#),
            "{json}"
        );
    }
    let event = String::from_utf8(sent[1].to_json().unwrap()).unwrap();
    assert!(event.contains("-7-left\""), "{event}");
    let none = Label::unknown(Unknown::Dark, captured(0).wall, None, hashes);
    let topic = Payload::Label(none).topic(&topics).into_owned();
    assert_eq!(topic, "goldcrest/a/left/label");
}
