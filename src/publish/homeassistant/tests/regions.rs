//! A device with several regions.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::*;
use crate::publish::homeassistant::message::{self, Platforms};
use crate::publish::homeassistant::{Discovery, discovery};
use crate::publish::outbox::Message;
use crate::publish::payloads::Unknown;

const NOW: SystemTime = SystemTime::UNIX_EPOCH;

/// A garage with these labels at its doors.
fn doors(left: &[&str], right: &[&str]) -> Offer {
    let seen = |region: &str, labels: &[&str]| Seen {
        region: Some(region.into()),
        labels: labels.iter().map(|label| label.to_string()).collect(),
        head_hash: Some(labels.join("")),
    };
    Offer {
        seen: vec![seen("left", left), seen("right_2", right)],
        ..offer(&[])
    }
}

/// A discovery at which the broker has acknowledged everything.
fn settled(offer: Offer) -> Discovery {
    let device = device("front", Abilities::default(), offer);
    let mut discovery = Discovery::new(
        Some(device),
        "localhost:1883".into(),
        usize::MAX,
        discovery::DELAY,
        Vec::new(),
    );
    discovery.connected(usize::MAX, NOW);
    while discovery.next().is_some() {}
    discovery.settled();
    discovery
}

fn topics(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|m| m.topic.as_str()).collect()
}

#[test]
fn each_region_has_a_label_a_score_and_changes() {
    let offer = doors(&["open", "shut"], &["open", "ajar"]);
    let device = device("front", all_on(), offer);
    let payload = message::payload(&device, true, &Platforms::new());
    let payload = lists::check(&device.discovery_topic(), &payload);
    let all = payload["components"].as_object().unwrap();
    for without in ["label", "score", "change"] {
        assert!(!all.contains_key(without), "{without}");
    }
    for (region, last) in [("left", "shut"), ("right_2", "ajar")] {
        let of = |key: &str| &all[&format!("region_{region}_{key}")];
        let label = of("label");
        assert_eq!(label["options"], json!(["open", last, "unknown"]));
        assert_eq!(label["name"], format!("{region} label"));
        assert_eq!(
            label["unique_id"],
            format!("front_1234_region_{region}_label")
        );
        let topic = format!("goldcrest/front/{region}/label");
        assert_eq!(
            (&label["state_topic"], &of("score")["state_topic"]),
            (&json!(topic), &json!(topic))
        );
        assert_eq!(label["json_attributes_topic"], topic);
        let events = format!("goldcrest/front/{region}/event");
        assert_eq!(of("change")["state_topic"], events);
        // The camera is the device's.
        assert_eq!(label["availability"][1]["topic"], "goldcrest/front/camera");
    }
    assert_eq!(
        all["camera_problem"]["state_topic"],
        "goldcrest/front/camera"
    );
}

#[test]
fn only_the_region_with_other_labels_has_none_meanwhile() {
    let mut discovery = settled(doors(&["open"], &["open"]));
    let (reason, places) = discovery
        .offered(doors(&["open"], &["ajar"]), true, NOW)
        .unwrap();
    assert_eq!(reason, Unknown::HeadChanged);
    assert!(places.has(1) && !places.has(0));
    let messages: Vec<Message> = std::iter::from_fn(|| discovery.next()).collect();
    assert_eq!(
        topics(&messages),
        [
            "goldcrest/front/right_2/label",
            "homeassistant/device/front_1234/config"
        ]
    );
    let none: Value = serde_json::from_slice(&messages[0].payload).unwrap();
    assert_eq!(
        (&none["label"], &none["region"]),
        (&Value::Null, &json!("right_2"))
    );
}

#[test]
fn a_region_that_is_gone_leaves_neither_entities_nor_a_label() {
    let announced = settled(doors(&["open"], &["open"])).unsaved().unwrap();
    let mut one = doors(&["open"], &[]);
    one.seen.pop();
    let device = device("front", Abilities::default(), one);
    let broker = "localhost:1883".to_string();
    let mut discovery = Discovery::new(
        Some(device),
        broker,
        usize::MAX,
        discovery::DELAY,
        announced,
    );
    discovery.connected(usize::MAX, NOW);
    let messages: Vec<Message> = std::iter::from_fn(|| discovery.next()).collect();
    let config = "homeassistant/device/front_1234/config";
    assert_eq!(
        topics(&messages),
        [
            "goldcrest/front/left/label",
            config,
            "goldcrest/front/right_2/label",
            config
        ]
    );
    let removal: Value = serde_json::from_slice(&messages[1].payload).unwrap();
    for key in ["label", "score", "change"] {
        let gone = &removal["components"][format!("region_right_2_{key}")];
        assert_eq!(gone.as_object().map(|o| o.len()), Some(1), "{key}: {gone}");
    }
    assert!(messages[2].payload.is_empty() && messages[2].retained());
    let left: Value = serde_json::from_slice(&messages[3].payload).unwrap();
    assert!(!left.to_string().contains("right_2"));
}
