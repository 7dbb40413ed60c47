//! The daemon's device in Home Assistant, as the broker sees it.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Broker, Daemon, PATIENCE, Received, Subscriber};

const TOPIC: &str = "homeassistant/device/porch_1/config";

/// A configuration that announces the node `node`, and remembers that in `folder`.
fn config(broker: &Broker, folder: &Path, node: &str) -> String {
    format!(
        "{}[homeassistant]\nenabled = true\nresend_within = 1.0\nnode = \"{node}\"\nfolder = {folder:?}\n",
        broker.config_toml()
    )
}

/// All messages up to the one for which `last` holds.
fn until(subscriber: &Subscriber, mut last: impl FnMut(&Received) -> bool) -> Vec<Received> {
    let mut all = Vec::new();
    loop {
        let Some(message) = subscriber.next(PATIENCE) else {
            panic!("it did not come; there were {all:#?}");
        };
        all.push(message);
        if all.last().is_some_and(&mut last) {
            return all;
        }
    }
}

fn is_online(message: &Received) -> bool {
    message.topic.ends_with("/availability") && message.text == "online"
}

/// The place of the first message on a topic that ends with `name` for which `wanted` holds.
fn place(all: &[Received], name: &str, wanted: impl Fn(&Received) -> bool) -> usize {
    let place = all
        .iter()
        .position(|m| m.topic.ends_with(name) && wanted(m));
    place.unwrap_or_else(|| panic!("no {name} in {all:#?}"))
}

fn options(message: &Received) -> Vec<String> {
    let json = message.json();
    let options: &Value = &json["components"]["label"]["options"];
    serde_json::from_value(options.clone()).unwrap_or_default()
}

#[test]
fn the_device_is_announced_before_states_and_online() {
    let broker = Broker::start();
    let early = Subscriber::new(&broker, "#");
    let state = tempfile::tempdir().unwrap();
    let _daemon = Daemon::start(&config(&broker, state.path(), "porch_1"));
    let all = until(&early, is_online);
    let discovery = place(&all, "/config", |_| true);
    let label = place(&all, "/label", |_| true);
    assert_eq!(all[label].json()["label"], Value::Null);
    assert!(label < discovery, "{all:#?}");
    let first = |name| place(&all[discovery..], name, |_| true);
    assert!(first("/label") > 0 && first("/camera") > 0);
    assert_eq!(all[discovery].topic, TOPIC);
    let json = all[discovery].json();
    assert_eq!(json["device"]["name"], "Goldcrest test");
    let labels = options(&all[discovery]);
    assert!(labels.len() > 200 && labels.contains(&"unknown".to_string()));

    let late = Subscriber::new(&broker, "homeassistant/#").expect("config");
    assert!(late.retained);
    assert_eq!(late.text, all[discovery].text);
}

#[test]
fn a_start_of_home_assistant_brings_everything_again() {
    let broker = Broker::start();
    let state = tempfile::tempdir().unwrap();
    let subscriber = Subscriber::new(&broker, "#");
    let mut daemon = Daemon::start(&config(&broker, state.path(), "porch_1"));
    until(&subscriber, is_online);
    // The user deletes the device.
    broker.publish(TOPIC, "");
    broker.send("homeassistant/status", "offline");
    broker.send("homeassistant/status", "online");
    let again = until(&subscriber, is_online);
    let deleted = place(&again, "/config", |m| m.text.is_empty());
    let birth = place(&again, "/status", |m| m.text == "online");
    let discovery = place(&again, "/config", |m| !m.text.is_empty());
    assert!(deleted < birth && birth < discovery, "{again:#?}");
    for name in ["/label", "/camera", "/settings"] {
        place(&again[discovery..], name, |_| true);
    }
    assert!(daemon.runs());
    let late = Subscriber::new(&broker, "homeassistant/#");
    assert!(late.expect("config").retained);
}

#[test]
fn a_device_that_is_deleted_in_home_assistant_returns_alone() {
    let broker = Broker::start();
    let state = tempfile::tempdir().unwrap();
    let subscriber = Subscriber::new(&broker, "#");
    let mut daemon = Daemon::start(&config(&broker, state.path(), "porch_1"));
    until(&subscriber, is_online);
    // Home Assistant clears the topic once for each entity.
    for _ in 0..3 {
        broker.publish(TOPIC, "");
    }
    let again = until(&subscriber, is_online);
    let announced = |m: &Received| m.topic == TOPIC && !m.text.is_empty();
    assert_eq!(again.iter().filter(|m| announced(m)).count(), 1);
    let discovery = place(&again, "/config", |m| !m.text.is_empty());
    for name in ["/label", "/camera", "/settings"] {
        place(&again[discovery..], name, |_| true);
    }
    daemon.expect("the device was deleted; announcing it again");
    assert!(Subscriber::new(&broker, TOPIC).expect("config").retained);
    // Not more often than once a minute.
    broker.publish(TOPIC, "");
    let end = Instant::now() + Duration::from_secs(8);
    while let Some(message) = subscriber.next(end.saturating_duration_since(Instant::now())) {
        assert!(!announced(&message), "{message:?}");
    }
}

#[test]
fn a_device_that_is_not_wanted_is_taken_back() {
    let broker = Broker::start();
    let state = tempfile::tempdir().unwrap();
    let subscriber = Subscriber::new(&broker, "homeassistant/#");
    let run = |config: &str| {
        let available = Subscriber::new(&broker, "goldcrest/test/availability");
        let daemon = Daemon::start(config);
        available.expect_that("availability", is_online);
        daemon.end();
    };
    run(&config(&broker, state.path(), "porch_1"));
    assert_eq!(subscriber.expect("config").topic, TOPIC);

    // Another node, as another id makes.
    run(&config(&broker, state.path(), "porch_2"));
    let (old, new) = (subscriber.expect("config"), subscriber.expect("config"));
    assert_eq!((old.topic.as_str(), old.text.as_str()), (TOPIC, ""));
    assert_eq!(new.topic, "homeassistant/device/porch_2/config");
    assert!(!new.text.is_empty());

    // It is disabled, and another one that nobody here announced stays.
    broker.publish("homeassistant/device/other/config", "{}");
    subscriber.expect("config");
    let disabled = config(&broker, state.path(), "porch_2").replace("= true", "= false");
    run(&disabled);
    let cleared = subscriber.expect("config");
    assert_eq!((cleared.topic, cleared.text), (new.topic, String::new()));
    // Nothing is cleared twice.
    run(&disabled);
    broker.send("homeassistant/marker", "");
    assert_eq!(
        subscriber.next(PATIENCE).unwrap().topic,
        "homeassistant/marker"
    );
    let remembered = fs::read_to_string(state.path().join("homeassistant.json")).unwrap();
    assert_eq!(remembered, r#"{"announced":[]}"#);
}

#[test]
fn other_labels_follow_a_withdrawn_one() {
    let broker = Broker::start();
    let state = tempfile::tempdir().unwrap();
    let subscriber = Subscriber::new(&broker, "#");
    let text = config(&broker, state.path(), "porch_1");
    let daemon = Daemon::start(&text);
    until(&subscriber, is_online);
    subscriber.expect_that("label", |m| m.json()["label"].is_string());
    let path = daemon.folder.path().join("config.toml");
    let text = fs::read_to_string(&path).unwrap();
    let text = text.replace("[observe]\n", "[observe]\nunknown = \"none of these\"\n");
    fs::write(&path, text).unwrap();
    daemon.signal("HUP");
    let mut discovered = false;
    let all = until(&subscriber, |m| {
        discovered |= m.topic == TOPIC;
        discovered && m.topic.ends_with("/label") && m.json()["label"].is_string()
    });
    let discovery = place(&all, "/config", |_| true);
    assert!(options(&all[discovery]).contains(&"none of these".to_string()));
    let before = all[..discovery]
        .iter()
        .rfind(|m| m.topic.ends_with("/label"));
    let before = before.expect("a label before the new list").json();
    assert_eq!(before["label"], Value::Null, "{before}");
}
