//! What Home Assistant 2026.11 accepts, and 2024.11 and later have accepted, as far as this device
//! needs it. Home Assistant drops a key that it does not know without a word, so a check is strict.

use serde_json::{Map, Value};

/// Keys of every platform.
const COMMON: [&str; 14] = [
    "platform",
    "unique_id",
    "name",
    "default_entity_id",
    "entity_category",
    "enabled_by_default",
    "icon",
    "json_attributes_topic",
    "json_attributes_template",
    "availability",
    "availability_mode",
    "qos",
    "encoding",
    "message_expiry_interval",
];

/// The required keys of a platform, and its others.
fn keys(platform: &str) -> Option<(&'static [&'static str], &'static [&'static str])> {
    Some(match platform {
        "sensor" => (
            &["state_topic"],
            &[
                "value_template",
                "device_class",
                "options",
                "state_class",
                "unit_of_measurement",
                "suggested_display_precision",
                "expire_after",
                "force_update",
            ],
        ),
        "binary_sensor" => (
            &["state_topic"],
            &[
                "value_template",
                "payload_on",
                "payload_off",
                "off_delay",
                "expire_after",
                "device_class",
            ],
        ),
        "switch" => (
            &["command_topic"],
            &[
                "state_topic",
                "value_template",
                "command_template",
                "payload_on",
                "payload_off",
                "state_on",
                "state_off",
                "optimistic",
                "retain",
            ],
        ),
        "button" => (
            &["command_topic"],
            &[
                "payload_press",
                "command_template",
                "device_class",
                "retain",
            ],
        ),
        "number" => (
            &["command_topic"],
            &[
                "state_topic",
                "value_template",
                "command_template",
                "min",
                "max",
                "step",
                "mode",
                "unit_of_measurement",
                "retain",
            ],
        ),
        "select" => (
            &["command_topic", "options"],
            &[
                "state_topic",
                "value_template",
                "command_template",
                "retain",
            ],
        ),
        "text" => (
            &["command_topic"],
            &[
                "state_topic",
                "value_template",
                "command_template",
                "min",
                "max",
                "mode",
                "pattern",
                "retain",
            ],
        ),
        "image" => (
            &["image_topic"],
            &["content_type", "image_encoding", "value_template"],
        ),
        "event" => (
            &["state_topic", "event_types"],
            &["value_template", "device_class"],
        ),
        _ => return None,
    })
}

/// The units that fit the device classes of this device's sensors.
fn units(class: &str) -> &'static [&'static str] {
    match class {
        "data_size" => &["B", "kB", "MB", "KiB", "MiB"],
        "duration" => &["s", "ms", "min", "h", "d"],
        "temperature" => &["°C", "°F", "K"],
        _ => &[],
    }
}

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

fn check_topic(key: &str, topic: &Value) {
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

fn check_template(key: &str, template: &Value) {
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
fn check_attributes(key: &str, template: &str) {
    let parts: Vec<&str> = template.split('\'').collect();
    for pair in parts.windows(2).filter(|pair| pair[1].starts_with(':')) {
        assert!(
            !BLOCKED.contains(&pair[0]),
            "{key}: the attribute {}",
            pair[0]
        );
    }
}

fn check_availability(list: &Value, least: usize) {
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

fn check_mode(object: &Map<String, Value>) {
    if let Some(mode) = object.get("availability_mode") {
        assert!(["all", "any", "latest"].contains(&mode.as_str().expect("text")));
    }
}

fn check_component(key: &str, component: &Map<String, Value>, device: &str) {
    let platform = component["platform"].as_str().expect("a platform");
    let (required, others) = keys(platform).unwrap_or_else(|| panic!("{key}: {platform}"));
    let all: Vec<&str> = [&COMMON[..], required, others].concat();
    only(component, &all);
    for needed in required.iter().chain(&["unique_id", "name"]) {
        assert!(component.contains_key(*needed), "{key} lacks {needed}");
    }
    let name = component["name"].as_str().expect("a name");
    assert!(!name.is_empty() && name.len() <= 64, "{key}: {name}");
    assert!(
        !name.starts_with(device),
        "{key}: the id would hold {device} twice"
    );
    let unique = component["unique_id"].as_str().expect("text");
    assert!(unique.ends_with(key) && unique.len() <= 128, "{unique}");
    for (field, value) in component {
        if field.ends_with("_topic") {
            check_topic(field, value);
        } else if field.ends_with("_template") {
            check_template(field, value);
        }
    }
    if let Some(list) = component.get("availability") {
        check_availability(list, 0);
        check_mode(component);
    }
    let text = |field: &str| component.get(field).map(|v| v.as_str().expect("text"));
    let category = text("entity_category");
    match platform {
        "sensor" | "binary_sensor" => assert_ne!(category, Some("config"), "{key}"),
        _ => assert!(
            matches!(category, None | Some("config" | "diagnostic")),
            "{key}"
        ),
    }
    if let Some(template) = text("json_attributes_template") {
        check_attributes(key, template);
    }
    if let Some(icon) = text("icon") {
        assert!(icon.starts_with("mdi:"), "{key}: {icon}");
    }
    if let Some(seconds) = component.get("expire_after") {
        assert!(seconds.as_u64().is_some_and(|s| s > 0), "{key}");
    }
    match platform {
        "sensor" => check_sensor(key, component),
        "binary_sensor" => {
            let class = text("device_class").expect("a class");
            assert!(["problem", "connectivity"].contains(&class), "{key}");
        }
        "number" => {
            let number = |field: &str| component[field].as_f64().expect("a number");
            assert!(
                number("min") < number("max") && number("step") >= 0.001,
                "{key}"
            );
            assert!(["auto", "box", "slider"].contains(&text("mode").expect("a mode")));
        }
        "select" => {
            check_options(key, &component["options"]);
            // Such a state would count as none.
            let options = component["options"].as_array().expect("a list");
            let none = |o: &Value| o.as_str().is_some_and(|o| o.eq_ignore_ascii_case("none"));
            assert!(!options.iter().any(none), "{key}: {options:?}");
        }
        "text" => {
            let most = component["max"].as_u64().expect("a number");
            assert!((1..=255).contains(&most), "{key}: {most}");
            // An empty state must not be too short.
            assert!(!component.contains_key("min"), "{key}");
        }
        "event" => check_options(key, &component["event_types"]),
        _ => {}
    }
}

fn check_sensor(key: &str, sensor: &Map<String, Value>) {
    let text = |field: &str| sensor.get(field).map(|v| v.as_str().expect("text"));
    let (class, unit) = (text("device_class"), text("unit_of_measurement"));
    if let Some(options) = sensor.get("options") {
        check_options(key, options);
        assert_eq!(class, Some("enum"), "{key}");
    }
    match class {
        Some("enum") => {
            assert_eq!((unit, text("state_class")), (None, None), "{key}");
            assert!(!sensor.contains_key("suggested_display_precision"), "{key}");
        }
        Some(class) => assert!(units(class).contains(&unit.expect("a unit")), "{key}"),
        None => {}
    }
    let state_class = text("state_class");
    let known = ["measurement", "total", "total_increasing"];
    assert!(
        state_class.is_none_or(|class| known.contains(&class)),
        "{key}"
    );
}

fn check_options(key: &str, options: &Value) {
    let options = options.as_array().expect("a list");
    assert!(!options.is_empty(), "{key}: no options");
    let mut seen = std::collections::HashSet::new();
    for option in options {
        let option = option.as_str().expect("text");
        assert!(
            !option.is_empty() && option.trim() == option,
            "{key}: {option:?}"
        );
        assert!(option.chars().count() <= 255, "{key}: {option}");
        assert!(seen.insert(option), "{key}: {option} twice");
    }
}

/// All keys are known.
fn only(object: &Map<String, Value>, known: &[&str]) {
    for key in object.keys() {
        assert!(known.contains(&key.as_str()), "unknown key {key}");
    }
}
