//! What Home Assistant can do with Goldcrest, as far as `[commands]` allows it.

use super::component::{Component, Platform};
use super::device::Device;

/// Seconds after which the broker drops a command that did not reach Goldcrest, so that a press
/// does not take effect hours later. Needs MQTT 5 on both sides.
const EXPIRY: u32 = 30;

/// The controls of the allowed commands.
pub(super) fn all(device: &Device) -> Vec<Component> {
    let mut all = Vec::new();
    if device.allows("pause") && device.allows("resume") {
        all.push(pause(device));
    }
    if device.allows("threshold") {
        all.push(threshold(device));
    }
    if device.allows("log_level") {
        all.push(log_level(device));
    }
    if device.allows("reload") {
        let reload = button(device, "reload", "Reload", "reload").setting();
        all.push(reload.with("icon", "mdi:reload"));
    }
    if device.allows("health") {
        let refresh = button(device, "refresh", "Refresh health", "health").diagnostic();
        all.push(refresh.with("icon", "mdi:refresh").disabled());
    }
    if device.abilities.snapshot && device.allows("snapshot") {
        let take = button(device, "take_snapshot", "Take snapshot", "snapshot");
        all.push(take.with("icon", "mdi:camera"));
    }
    all
}

fn pause(device: &Device) -> Component {
    control(device, Platform::Switch, "pause", "Pause", "pause")
        .with("icon", "mdi:pause-circle-outline")
        .with("state_topic", device.topic("settings"))
        .with(
            "value_template",
            "{{ 'ON' if value_json.paused else 'OFF' }}",
        )
}

/// The threshold. Home Assistant logs an error for a number below `min`; a configured threshold
/// may be below.
fn threshold(device: &Device) -> Component {
    control(
        device,
        Platform::Number,
        "threshold",
        "Threshold",
        "threshold",
    )
    .setting()
    .with("icon", "mdi:tune-vertical")
    .with("min", 0.05)
    .with("max", 1)
    .with("step", 0.01)
    .with("mode", "slider")
    .with("state_topic", device.topic("settings"))
    .with(
        "value_template",
        "{{ value_json.threshold | round(4) if value_json.threshold >= 0.05 else none }}",
    )
}

fn log_level(device: &Device) -> Component {
    control(
        device,
        Platform::Select,
        "log_level",
        "Log level",
        "log_level",
    )
    .setting()
    .disabled()
    .with("icon", "mdi:text-box-outline")
    .with("options", vec!["error", "warn", "info", "debug", "trace"])
    .with("state_topic", device.topic("settings"))
    .with("value_template", "{{ value_json.log_level }}")
}

fn button(device: &Device, key: &'static str, name: &str, command: &str) -> Component {
    control(device, Platform::Button, key, name, command)
}

/// A control that sends the command `command`.
pub(super) fn control(
    device: &Device,
    platform: Platform,
    key: &'static str,
    name: &str,
    command: &str,
) -> Component {
    Component::new(platform, key, name)
        .with("command_topic", device.topic(&format!("command/{command}")))
        .with("message_expiry_interval", EXPIRY)
}
