//! What Goldcrest sees: label, score, changes, snapshot, and whether the camera works.

use super::component::{Component, Platform};
use super::device::{Device, Seen};

/// A component of what is `seen`: `key` and `name` of the whole picture, and with regions those
/// of the region.
fn of(seen: &Seen, platform: Platform, key: &str, name: &str) -> Component {
    match &seen.region {
        None => Component::new(platform, key, name),
        Some(region) => {
            let name = format!("{region} {}", name.to_lowercase());
            Component::new(platform, format!("region_{region}_{key}"), &name)
        }
    }
}

/// The region of a component's key that [`label`] made of one.
pub(super) fn region_of(key: &str) -> Option<&str> {
    key.strip_prefix("region_")?.strip_suffix("_label")
}

/// States of the label, in the order of the model, and the text that stands for none of them.
fn options(device: &Device, seen: &Seen) -> Vec<String> {
    let labels = &seen.labels;
    let mut options: Vec<String> = Vec::with_capacity(labels.len() + 1);
    let mut known = std::collections::HashSet::new();
    for label in labels.iter().chain([&device.offer.unknown]) {
        // Home Assistant trims what a template yields.
        let label = label.trim();
        if known.insert(label) {
            options.push(label.into());
        }
    }
    options
}

/// The label. Without `with_options` Home Assistant takes any state, and its automation editor
/// offers no list of labels.
///
/// The score is no attribute of it: it differs at each heartbeat, and each difference would be
/// another row in the recorder's database.
pub(super) fn label(device: &Device, seen: &Seen, with_options: bool) -> Component {
    let topic = device.topic_of(seen, "label");
    let label = of(seen, Platform::Sensor, "label", "Label")
        .with("device_class", "enum")
        .with("icon", "mdi:eye")
        .with("state_topic", topic.as_str())
        .with("value_template", "{{ value_json.label }}")
        .with("json_attributes_topic", topic)
        .with(
            "json_attributes_template",
            "{{ {'since': value_json.since, 'reason': value_json.reason | default(none)} | tojson }}",
        );
    let label = while_streaming(device, label);
    if with_options {
        label.with("options", options(device, seen))
    } else {
        label
    }
}

/// The label's score in percent; unknown where no label is claimed.
pub(super) fn score(device: &Device, seen: &Seen) -> Component {
    let score = of(seen, Platform::Sensor, "score", "Score")
        .with("icon", "mdi:percent-outline")
        .with("state_class", "measurement")
        .with("unit_of_measurement", "%")
        .with("suggested_display_precision", 0)
        .with("state_topic", device.topic_of(seen, "label"))
        .with(
            "value_template",
            "{{ (value_json.score * 100) | round(1) if value_json.score is not none else none }}",
        );
    while_streaming(device, score)
}

/// Each change of the label. One type rather than one a label: automations read the attributes, and
/// a list of types would have to change with the labels.
pub(super) fn change(device: &Device, seen: &Seen) -> Component {
    of(seen, Platform::Event, "change", "Change")
        .with("icon", "mdi:swap-horizontal")
        .with("state_topic", device.topic_of(seen, "event"))
        .with("event_types", vec!["changed"])
        .with(
            "value_template",
            "{{ {'event_type': 'changed', 'label': value_json.label, 'previous': value_json.previous, \
             'score': value_json.score, 'event': value_json.event} | tojson }}",
        )
}

/// Whether the camera is lost, repeats the same picture or was moved. Darkness is no problem of the
/// camera's.
pub(super) fn camera_problem(device: &Device) -> Component {
    Component::new(Platform::BinarySensor, "camera_problem", "Camera problem")
        .with("device_class", "problem")
        .with("state_topic", device.topic("camera"))
        .with(
            "value_template",
            "{{ 'ON' if value_json.state == 'lost' or value_json.picture | default('ok') == 'stuck' \
             or value_json.moved | default(false) else 'OFF' }}",
        )
        .with("json_attributes_topic", device.topic("camera"))
        .with(
            "json_attributes_template",
            "{{ {'picture': value_json.picture | default(none), 'moved': value_json.moved | default(none), \
             'cause': value_json.cause | default(none), 'message': value_json.message | default(none)} | tojson }}",
        )
}

/// Whether the daemon is connected to the broker. An empty list makes it available when all others
/// are not.
pub(super) fn connection(device: &Device) -> Component {
    Component::new(Platform::BinarySensor, "connection", "Connection")
        .diagnostic()
        .with("device_class", "connectivity")
        .with("state_topic", device.topic("availability"))
        .with("payload_on", "online")
        .with("payload_off", "offline")
        .with("availability", Vec::<String>::new())
}

/// The last snapshot.
pub(super) fn snapshot(device: &Device) -> Component {
    Component::new(Platform::Image, "snapshot", "Snapshot")
        .with("image_topic", device.topic("snapshot"))
        .with("content_type", "image/jpeg")
        .with("json_attributes_topic", device.topic("snapshot/info"))
        .with(
            "json_attributes_template",
            "{{ {'event': value_json.event, 'label': value_json.label, 'captured': value_json.captured} | tojson }}",
        )
}

/// Makes a component available while the daemon is connected and its camera streams.
fn while_streaming(device: &Device, component: Component) -> Component {
    let streaming = "{{ 'online' if value_json.state == 'streaming' else 'offline' }}";
    let availability = serde_json::json!([
        { "topic": device.topic("availability") },
        { "topic": device.topic("camera"), "value_template": streaming },
    ]);
    component
        .with("availability", availability)
        .with("availability_mode", "all")
}
