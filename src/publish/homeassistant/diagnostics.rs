//! The daemon's own numbers.

use super::component::{Component, Platform};
use super::device::Device;

/// The numbers of the topic `health`. Those that differ at each message are disabled at first: each
/// of them would add a row to the recorder's database every `[health] interval`.
pub(super) fn all(device: &Device) -> Vec<Component> {
    let mut all = vec![
        number(device, "fps", "Frame rate", "value_json.fps")
            .with("icon", "mdi:filmstrip")
            .with("unit_of_measurement", "fps")
            .with("suggested_display_precision", 1)
            .disabled(),
        millis(device, "latency", "Latency", "latency"),
        millis(device, "inference", "Inference", "infer"),
        number(
            device,
            "memory",
            "Memory",
            "value_json.memory.rss_mb | round(0) | int",
        )
        .with("device_class", "data_size")
        .with("unit_of_measurement", "MiB"),
        number(
            device,
            "unsent",
            "Unsent messages",
            "value_json.drops.unsent | default(0)",
        )
        .with("icon", "mdi:email-remove-outline")
        .with("state_class", "total_increasing"),
        number(device, "uptime", "Uptime", "value_json.uptime_s")
            .with("device_class", "duration")
            .with("unit_of_measurement", "s")
            .disabled(),
    ];
    if device.abilities.thermometer {
        all.push(
            number(
                device,
                "temperature",
                "Temperature",
                "value_json.temperature_c | round(0) | int if value_json.temperature_c is defined else none",
            )
            .with("device_class", "temperature")
            .with("unit_of_measurement", "°C"),
        );
    }
    all
}

/// A number of the topic `health`, which is not retained and comes at a known interval.
fn number(device: &Device, key: &'static str, name: &str, expression: &str) -> Component {
    Component::new(Platform::Sensor, key, name)
        .diagnostic()
        .with("state_class", "measurement")
        .with("state_topic", device.topic("health"))
        .with("value_template", format!("{{{{ {expression} }}}}"))
        .with("expire_after", expire_after(device.offer.health_interval))
}

/// The 95th percentile of a stage's time.
fn millis(device: &Device, key: &'static str, name: &str, stage: &str) -> Component {
    let value = format!(
        "value_json.stages_ms.{stage}.p95 if value_json.stages_ms.{stage} is defined else none"
    );
    number(device, key, name, &value)
        .with("device_class", "duration")
        .with("unit_of_measurement", "ms")
        .with("suggested_display_precision", 1)
        .disabled()
}

/// Seconds after which a number counts as unknown: two messages may be missed, and the third may be
/// late, as while a model is loaded.
fn expire_after(interval: f64) -> u64 {
    (interval * 3.0).ceil() as u64 + 30
}
