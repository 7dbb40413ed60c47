//! Fields that components and the whole message share.

use serde_json::{Map, Value};

pub(super) fn check_topic(key: &str, topic: &Value) {
    let topic = topic.as_str().expect("a topic is text");
    let special = |c: char| matches!(c, '+' | '#' | '$') || c.is_control();
    assert!(
        !topic.is_empty() && !topic.contains(special),
        "{key}: {topic}"
    );
    assert!(
        topic.len() <= 256 && topic.split('/').count() <= 8,
        "{key}: {topic}"
    );
}

pub(super) fn check_template(key: &str, template: &Value) {
    let template = template.as_str().expect("a template is text");
    let count = |what: &str| template.matches(what).count();
    assert_eq!((count("{{"), count("}}")), (1, 1), "{key}: {template}");
    assert_eq!(
        (count("("), count("'") % 2),
        (count(")"), 0),
        "{key}: {template}"
    );
}

/// Attributes that Home Assistant drops because an entity has them anyway.
const BLOCKED: [&str; 17] = [
    "assumed_state",
    "available",
    "device_class",
    "device_info",
    "entity_category",
    "entity_id",
    "entity_picture",
    "entity_registry_enabled_default",
    "extra_state_attributes",
    "force_update",
    "friendly_name",
    "icon",
    "should_poll",
    "state",
    "supported_features",
    "unique_id",
    "unit_of_measurement",
];

/// Checks the names of attributes, which stand in quotes before a colon.
pub(super) fn check_attributes(key: &str, template: &str) {
    let parts: Vec<&str> = template.split('\'').collect();
    for pair in parts.windows(2).filter(|pair| pair[1].starts_with(':')) {
        assert!(
            !BLOCKED.contains(&pair[0]),
            "{key}: the attribute {}",
            pair[0]
        );
    }
}

pub(super) fn check_availability(list: &Value, least: usize) {
    let list = list.as_array().expect("a list");
    assert!(list.len() >= least);
    for entry in list {
        let entry = entry.as_object().expect("an object");
        only(
            entry,
            &[
                "topic",
                "payload_available",
                "payload_not_available",
                "value_template",
            ],
        );
        check_topic("availability", &entry["topic"]);
        if let Some(template) = entry.get("value_template") {
            check_template("availability", template);
        }
    }
}

pub(super) fn check_mode(object: &Map<String, Value>) {
    if let Some(mode) = object.get("availability_mode") {
        assert!(["all", "any", "latest"].contains(&mode.as_str().expect("text")));
    }
}

/// All keys are known.
pub(super) fn only(object: &Map<String, Value>, known: &[&str]) {
    for key in object.keys() {
        assert!(known.contains(&key.as_str()), "unknown key {key}");
    }
}
