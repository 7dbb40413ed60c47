//! What docs/home-assistant.md names.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::publish::homeassistant::message::{self, Platforms};

const PAGE: &str = include_str!("../../../../docs/home-assistant.md");

/// The id that Home Assistant makes of these names.
fn slug(text: &str) -> String {
    let letters = text.to_lowercase();
    let plain = letters.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    let parts: Vec<&str> = plain.split('_').filter(|part| !part.is_empty()).collect();
    parts.join("_")
}

/// The entities of the page's camera, each with what it was announced with.
fn entities() -> Vec<(String, Value)> {
    let device = device("front", all_on(), offer(&["beer bottle"]));
    let payload = message::payload(&device, true, &Platforms::new());
    let payload: Value = serde_json::from_slice(&payload).unwrap();
    let owner = payload["device"]["name"].as_str().unwrap().to_string();
    let components = payload["components"].as_object().unwrap().values();
    let id = |component: &Value| {
        let (platform, name) = (component["platform"].as_str(), component["name"].as_str());
        format!(
            "{}.{}",
            platform.unwrap(),
            slug(&format!("{owner} {}", name.unwrap()))
        )
    };
    components.map(|c| (id(c), c.clone())).collect()
}

/// The entities that the page names in full.
fn named() -> BTreeSet<&'static str> {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    let words = PAGE.split(|c| !part(c));
    let words = words.map(|word| word.trim_end_matches('.'));
    // Others are Home Assistant's own, and that of another area.
    words
        .filter(|word| word.contains(".goldcrest_front_"))
        .collect()
}

#[test]
fn every_entity_of_the_page_is_announced() {
    let all: Vec<String> = entities().into_iter().map(|(id, _)| id).collect();
    let named = named();
    assert!(named.len() > 12, "{named:?}");
    for id in named.iter().filter(|id| !id.ends_with("_label_2")) {
        assert!(
            all.iter().any(|known| known == id),
            "{id} is none of {all:?}"
        );
    }
}

#[test]
fn every_attribute_that_the_examples_read_is_announced() {
    for (id, attributes) in [
        (
            "event.goldcrest_front_change",
            &["label", "previous", "score"][..],
        ),
        (
            "image.goldcrest_front_snapshot",
            &["event", "label", "captured"],
        ),
        ("sensor.goldcrest_front_label", &["since", "reason"]),
    ] {
        let entities = entities();
        let (_, component) = entities.iter().find(|(known, _)| known == id).unwrap();
        for attribute in attributes {
            assert!(
                component.to_string().contains(attribute),
                "{id}: {component}"
            );
        }
    }
}
