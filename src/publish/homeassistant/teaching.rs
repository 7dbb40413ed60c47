//! The controls and numbers with which a person teaches from Home Assistant, where `[teach]` is
//! enabled and `[commands]` allows it.

use super::component::{Component, Platform};
use super::controls::control;
use super::device::Device;

/// The label of examples that show none of the others.
const NOTHING: &str = "none";
/// What stands for it in the list: Home Assistant reads the state `none` as no state.
const NOTHING_SHOWN: &str = "(none of these)";

/// The longest label that can be taught, in characters.
const LONGEST: usize = 64;

/// The most labels to select from. A person finds none in a longer list, and can write it.
const MOST: usize = 250;

/// What teaching needs.
pub(super) fn all(device: &Device, with_options: bool) -> Vec<Component> {
    if !device.abilities.teach || !device.allows("teach") {
        return Vec::new();
    }
    vec![
        select(device, with_options),
        text(device),
        press(device, "teach_take", "Teach this picture", "take")
            .with("icon", "mdi:school-outline"),
        press(device, "teach_undo", "Undo teaching", "undo").with("icon", "mdi:undo"),
        accuracy(device),
        examples(device),
    ]
}

/// What may be selected: what is taught or selected first, then the labels of the head in use.
/// Without `with_options`, the latter are left out.
fn options(device: &Device, with_options: bool) -> Vec<String> {
    let offer = &device.offer;
    // Nothing is taught where there are regions.
    let head = offer.seen.iter().take(usize::from(with_options));
    let head = head.flat_map(|seen| &seen.labels);
    let mut options = vec![NOTHING_SHOWN.to_string()];
    for label in offer.lessons.iter().chain(head) {
        let label = label.trim();
        let fits = label.chars().count() <= LONGEST && *label != offer.unknown;
        if fits
            && options.len() < MOST
            && !label.is_empty()
            && !label.eq_ignore_ascii_case(NOTHING)
            && !options.iter().any(|option| option == label)
        {
            options.push(label.into());
        }
    }
    options
}

/// The label that the next example is of.
fn select(device: &Device, with_options: bool) -> Component {
    teach(device, Platform::Select, "teach_label", "Teach label")
        .with("icon", "mdi:tag-outline")
        .with("options", options(device, with_options))
        .with(
            "command_template",
            format!("{{{{ {{'select': '{NOTHING}' if value == '{NOTHING_SHOWN}' else value}} | tojson }}}}"),
        )
        .with("state_topic", device.topic("settings"))
        .with(
            "value_template",
            format!(
                "{{{{ none if value_json.taught is not defined else '{NOTHING_SHOWN}' \
                 if value_json.taught.selected == '{NOTHING}' else value_json.taught.selected }}}}"
            ),
        )
}

/// The same for a label that the list lacks.
fn text(device: &Device) -> Component {
    teach(device, Platform::Text, "teach_new_label", "Teach new label")
        .with("icon", "mdi:tag-plus-outline")
        .with("max", LONGEST)
        .with("command_template", "{{ {'select': value} | tojson }}")
        .with("state_topic", device.topic("settings"))
        .with(
            "value_template",
            "{{ value_json.taught.selected | default('', true) if value_json.taught is defined else '' }}",
        )
}

fn press(device: &Device, key: &'static str, name: &str, what: &str) -> Component {
    teach(device, Platform::Button, key, name).with("payload_press", format!("{{\"{what}\":true}}"))
}

fn teach(device: &Device, platform: Platform, key: &'static str, name: &str) -> Component {
    control(device, platform, key, name, "teach").setting()
}

/// The accuracy on examples that were left out, in percent.
fn accuracy(device: &Device) -> Component {
    number(
        device,
        "teach_accuracy",
        "Teaching accuracy",
        "(value_json.taught.accuracy * 100) | round(1) \
         if value_json.taught is defined and value_json.taught.accuracy is not none else none",
    )
    .with("icon", "mdi:bullseye-arrow")
    .with("unit_of_measurement", "%")
    .with("suggested_display_precision", 0)
    .with(
        "json_attributes_template",
        "{{ {'interval': value_json.taught.interval, 'warnings': value_json.taught.warnings} | tojson \
         if value_json.taught is defined else '{}' }}",
    )
}

/// The number of examples.
fn examples(device: &Device) -> Component {
    number(
        device,
        "teach_examples",
        "Examples",
        "value_json.taught.examples if value_json.taught is defined else none",
    )
    .with("icon", "mdi:image-multiple-outline")
    .with(
        "json_attributes_template",
        "{{ {'labels': value_json.taught.labels, 'missing': value_json.taught.missing | default(none), \
         'refused': value_json.taught.refused | default(none)} | tojson \
         if value_json.taught is defined else '{}' }}",
    )
}

fn number(device: &Device, key: &'static str, name: &str, expression: &str) -> Component {
    Component::new(Platform::Sensor, key, name)
        .diagnostic()
        .with("state_class", "measurement")
        .with("state_topic", device.topic("settings"))
        .with("value_template", format!("{{{{ {expression} }}}}"))
        .with("json_attributes_topic", device.topic("settings"))
}
