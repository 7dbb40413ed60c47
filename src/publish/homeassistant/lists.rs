//! What Home Assistant 2026.11 accepts, and 2024.11 and later have accepted, as far as this device
//! needs it. Home Assistant drops a key that it does not know without a word, so a check is strict.

mod component;
mod fields;
mod keys;

use serde_json::Value;

use component::check_component;
use fields::{check_availability, check_mode, only};
use keys::keys;

/// Checks a discovery message.
///
/// # Panics
/// At the first thing that Home Assistant would refuse, drop or warn about.
pub(super) fn check(topic: &str, payload: &[u8]) -> Value {
    check_discovery_topic(topic);
    let whole: Value = serde_json::from_slice(payload).expect("JSON in UTF-8");
    let top = whole.as_object().expect("an object");
    only(
        top,
        &[
            "device",
            "origin",
            "components",
            "availability",
            "availability_mode",
            "qos",
        ],
    );
    let device = top["device"].as_object().expect("device");
    only(
        device,
        &[
            "identifiers",
            "name",
            "manufacturer",
            "model",
            "model_id",
            "sw_version",
            "suggested_area",
        ],
    );
    assert!(!device["identifiers"].as_array().expect("a list").is_empty());
    let origin = top["origin"].as_object().expect("origin");
    only(origin, &["name", "sw_version"]);
    for (key, value) in device.iter().chain(origin) {
        let full = value.as_str().is_none_or(|text| !text.trim().is_empty());
        assert!(full, "{key} is empty");
    }
    assert_eq!(top["qos"], 1);
    check_availability(&top["availability"], 1);
    check_mode(top);
    let components = top["components"].as_object().expect("components");
    let mut ids = std::collections::HashSet::new();
    for (key, component) in components {
        let component = component.as_object().expect("an object");
        if component.len() == 1 {
            let platform = component["platform"].as_str().expect("a platform");
            assert!(keys(platform).is_some(), "{key}: removes {platform}");
            continue;
        }
        check_component(key, component, device["name"].as_str().expect("a name"));
        assert!(ids.insert(component["unique_id"].clone()), "{key}: twice");
    }
    whole
}

fn check_discovery_topic(topic: &str) {
    let (_, node) = topic.split_once("/device/").expect("a device's topic");
    let node = node.strip_suffix("/config").expect("a discovery topic");
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    assert!(!node.is_empty() && node.chars().all(allowed), "{topic}");
    assert!(
        topic.len() <= 256 && topic.split('/').count() <= 8,
        "{topic}"
    );
}
