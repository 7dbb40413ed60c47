//! The keys and units that Home Assistant knows.

/// Keys of every platform.
pub(super) const COMMON: [&str; 14] = [
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
pub(super) fn keys(platform: &str) -> Option<(&'static [&'static str], &'static [&'static str])> {
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
pub(super) fn units(class: &str) -> &'static [&'static str] {
    match class {
        "data_size" => &["B", "kB", "MB", "KiB", "MiB"],
        "duration" => &["s", "ms", "min", "h", "d"],
        "temperature" => &["°C", "°F", "K"],
        _ => &[],
    }
}
