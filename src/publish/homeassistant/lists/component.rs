//! One component of a device.

use serde_json::{Map, Value};

use super::fields::{
    check_attributes, check_availability, check_mode, check_template, check_topic, only,
};
use super::keys::{COMMON, keys, units};

pub(super) fn check_component(key: &str, component: &Map<String, Value>, device: &str) {
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
