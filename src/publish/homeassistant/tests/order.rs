//! When messages are sent, and in which order.

use std::time::{Duration, UNIX_EPOCH};

use super::*;
use crate::publish::homeassistant::discovery::Discovery;
use crate::publish::homeassistant::record::Announced;
use crate::publish::payloads::Unknown;

const NOW: std::time::SystemTime = UNIX_EPOCH;
const OURS: &str = "homeassistant/device/front_1234/config";

fn discovery(device: Option<Device>, announced: Vec<Announced>) -> Discovery {
    let within = Duration::from_secs(10);
    Discovery::new(device, "broker:1883".into(), 1 << 18, within, announced)
}

/// A short form of each message that waits.
fn told(discovery: &mut Discovery) -> Vec<String> {
    let short = |m: crate::publish::outbox::Message| {
        assert!(m.retained());
        let text = String::from_utf8(m.payload).unwrap();
        if text.is_empty() {
            return format!("clear {}", m.topic);
        }
        if m.topic.ends_with("/label") {
            assert!(text.contains(r#""label":null"#), "{text}");
            return "no label".into();
        }
        assert_eq!(m.topic, OURS);
        let payload = lists::check(&m.topic, text.as_bytes());
        let components = payload["components"].as_object().unwrap();
        let removed = components.iter().filter(|(_, c)| c["unique_id"].is_null());
        let removed: Vec<_> = removed.map(|(key, _)| key.as_str()).collect();
        let options = &payload["components"]["label"]["options"];
        match &removed[..] {
            [] => format!("announce {options}"),
            removed => format!("remove {}", removed.join(" ")),
        }
    };
    std::iter::from_fn(|| discovery.next()).map(short).collect()
}

/// Connected, and everything acknowledged.
fn settled(offer: Offer) -> Discovery {
    let mut discovery = discovery(
        Some(device("front", Abilities::default(), offer)),
        Vec::new(),
    );
    discovery.connected(usize::MAX, NOW);
    told(&mut discovery);
    discovery.settled();
    discovery
}

fn remembered(discovery: &mut Discovery) -> Vec<String> {
    let announced = discovery.unsaved().unwrap_or_default();
    announced.iter().map(|a| a.topic.clone()).collect()
}

fn old(broker: &str, topic: &str, components: &[(&str, &str)]) -> Announced {
    let own = |(key, platform): &(&str, &str)| (key.to_string(), platform.to_string());
    Announced {
        broker: broker.into(),
        topic: topic.into(),
        components: components.iter().map(own).collect(),
    }
}

#[test]
fn a_first_connection_withdraws_the_label_and_announces() {
    let mut discovery = discovery(
        Some(device("front", Abilities::default(), offer(&["open"]))),
        Vec::new(),
    );
    discovery.connected(usize::MAX, NOW);
    // Remembered before it is told.
    assert_eq!(remembered(&mut discovery), [OURS]);
    let first = ["no label", r#"announce ["open","unknown"]"#];
    assert_eq!(told(&mut discovery), first);
    // It was not acknowledged.
    discovery.disconnected();
    discovery.connected(usize::MAX, NOW);
    assert_eq!(told(&mut discovery), first);
    discovery.settled();
    discovery.connected(usize::MAX, NOW);
    assert_eq!(told(&mut discovery), [r#"announce ["open","unknown"]"#]);
    discovery.settled();
    assert_eq!(discovery.unsaved(), None);
}

#[test]
fn other_labels_follow_no_label() {
    let mut discovery = settled(offer(&["open"]));
    let changed = discovery.offered(offer(&["red"]), true, NOW);
    assert_eq!(changed.map(|c| c.0), Some(Unknown::ModelChanged));
    let both = ["no label", r#"announce ["red","unknown"]"#];
    assert_eq!(told(&mut discovery), both);
    discovery.settled();
    let nothing = Offer {
        unknown: "none of them".into(),
        ..offer(&["red"])
    };
    assert!(discovery.offered(nothing, true, NOW).is_some());
    assert_eq!(
        told(&mut discovery),
        ["no label", r#"announce ["red","none of them"]"#]
    );
}

#[test]
fn another_head_is_told_only_if_its_labels_differ() {
    let mut discovery = settled(offer(&["open"]));
    let taught = |labels: &[&str], head: &str| {
        let mut offer = offer(labels);
        offer.seen[0].head_hash = Some(head.into());
        offer
    };
    let changed = discovery.offered(taught(&["shut"], "1"), true, NOW);
    assert_eq!(changed.map(|c| c.0), Some(Unknown::HeadChanged));
    let mut first = discovery.next().unwrap();
    let text = String::from_utf8(std::mem::take(&mut first.payload)).unwrap();
    assert!(
        text.contains(r#""head":"1","reason":"head changed""#),
        "{text}"
    );
    assert_eq!(told(&mut discovery), [r#"announce ["shut","unknown"]"#]);
    discovery.settled();
    // Taught again with the same labels: Home Assistant has nothing new to learn.
    assert_eq!(discovery.offered(taught(&["shut"], "2"), true, NOW), None);
    assert_eq!(discovery.len(), 0);
    assert!(discovery.offered(offer(&["open"]), true, NOW).is_some());
    assert_eq!(
        told(&mut discovery),
        ["no label", r#"announce ["open","unknown"]"#]
    );
}

#[test]
fn other_labels_wait_for_a_connection() {
    let mut discovery = settled(offer(&["open"]));
    discovery.disconnected();
    assert!(discovery.offered(offer(&["red"]), false, NOW).is_some());
    assert_eq!(discovery.len(), 0);
    discovery.connected(usize::MAX, NOW);
    assert_eq!(
        told(&mut discovery),
        ["no label", r#"announce ["red","unknown"]"#]
    );
}

#[test]
fn another_interval_of_health_keeps_the_label() {
    let mut discovery = settled(offer(&["open"]));
    assert_eq!(discovery.offered(offer(&["open"]), true, NOW), None);
    assert_eq!(discovery.len(), 0);
    let slower = Offer {
        health_interval: 300.0,
        ..offer(&["open"])
    };
    assert_eq!(discovery.offered(slower, true, NOW), None);
    assert_eq!(told(&mut discovery), [r#"announce ["open","unknown"]"#]);
}

#[test]
fn a_component_that_is_not_wanted_is_removed_once() {
    let components = [("label", "sensor"), ("pause", "switch")];
    let before = old("broker:1883", OURS, &components);
    let device = device("front", Abilities::default(), offer(&["open"]));
    let mut discovery = discovery(Some(device), vec![before]);
    discovery.connected(usize::MAX, NOW);
    let expected = ["no label", "remove pause", r#"announce ["open","unknown"]"#];
    assert_eq!(told(&mut discovery), expected);
    // Until it is acknowledged it is remembered.
    assert!(
        discovery.unsaved().unwrap()[0]
            .components
            .contains_key("pause")
    );
    discovery.disconnected();
    discovery.connected(usize::MAX, NOW);
    assert_eq!(told(&mut discovery), expected);
    discovery.settled();
    assert!(
        !discovery.unsaved().unwrap()[0]
            .components
            .contains_key("pause")
    );
    discovery.connected(usize::MAX, NOW);
    assert_eq!(told(&mut discovery), [r#"announce ["open","unknown"]"#]);
}

#[test]
fn another_topic_is_cleared_first_and_then_forgotten() {
    let gone = old("broker:1883", "homeassistant/device/back_1/config", &[]);
    let mut discovery = discovery(
        Some(device("front", Abilities::default(), offer(&["open"]))),
        vec![gone],
    );
    discovery.connected(usize::MAX, NOW);
    let messages = told(&mut discovery);
    assert_eq!(messages[0], "clear homeassistant/device/back_1/config");
    assert_eq!(messages.len(), 3);
    assert_eq!(remembered(&mut discovery).len(), 2);
    discovery.settled();
    assert_eq!(remembered(&mut discovery), [OURS]);
}

#[test]
fn a_disabled_instance_clears_what_it_set_and_nothing_else() {
    let mut never = discovery(None, Vec::new());
    never.connected(usize::MAX, NOW);
    assert_eq!((told(&mut never).len(), never.birth()), (0, None));

    let mut disabled = discovery(None, vec![old("broker:1883", OURS, &[("label", "sensor")])]);
    disabled.connected(usize::MAX, NOW);
    assert_eq!(told(&mut disabled), [format!("clear {OURS}")]);
    disabled.settled();
    assert_eq!(disabled.unsaved(), Some(Vec::new()));
    disabled.connected(usize::MAX, NOW);
    assert_eq!(disabled.len(), 0);
}

#[test]
fn what_another_broker_retains_stays_remembered() {
    let elsewhere = old("other:1883", OURS, &[]);
    let mut discovery = discovery(None, vec![elsewhere]);
    discovery.connected(usize::MAX, NOW);
    assert_eq!(discovery.len(), 0);
    discovery.settled();
    assert_eq!(discovery.unsaved(), None);
}

#[test]
fn a_start_of_home_assistant_is_answered_after_a_while() {
    let mut discovery = settled(offer(&["open"]));
    let birth = ("homeassistant/status".to_string(), "online".to_string());
    assert_eq!(discovery.birth(), Some(birth));
    for (random, seconds) in [(0.0, 1), (1.0, 10)] {
        assert_eq!(discovery.delay(random), Duration::from_secs(seconds));
    }
    discovery.repeat(NOW);
    assert_eq!(told(&mut discovery), [r#"announce ["open","unknown"]"#]);
}

#[test]
fn a_message_that_is_too_large_goes_without_options() {
    let labels: Vec<String> = (0..1000).map(|n| format!("label {n}")).collect();
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    let tell = |most| {
        let device = Some(device("front", Abilities::default(), offer(&labels)));
        let within = Duration::from_secs(10);
        let broker = "broker:1883".to_string();
        let mut discovery = Discovery::new(device, broker, 1 << 18, within, Vec::new());
        discovery.connected(most, NOW);
        let told = told(&mut discovery);
        discovery.settled();
        (told, remembered(&mut discovery).len())
    };
    let (told, remembered) = tell(1 << 13);
    assert_eq!(
        (&told[..], remembered),
        (&["no label", "announce null"].map(String::from)[..], 1)
    );
    assert!(tell(1 << 15).0[1].contains("label 999"));
    // Not even without options: nothing is told, and nothing is to be taken back.
    assert_eq!(tell(1024), (Vec::new(), 0));
}
