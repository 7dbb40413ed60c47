//! The discovery message: the device and all its components.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::component::Component;
use super::device::Device;
use super::{controls, diagnostics, sight, teaching};

/// The components of a discovery message by their keys, and the platform of each.
pub(super) type Platforms = BTreeMap<String, String>;

/// The components and their platforms.
pub(super) fn platforms(device: &Device) -> Platforms {
    let platform = |component: Component| {
        let name = component.platform.name().to_string();
        (component.key, name)
    };
    components(device, false)
        .into_iter()
        .map(platform)
        .collect()
}

/// The discovery message. Removes the components of `removed` that are not wanted any more.
/// Home Assistant rejects the device if the top level, `device` or `origin` has any other key,
/// so this payload has no `v`.
pub(super) fn payload(device: &Device, with_options: bool, removed: &Platforms) -> Vec<u8> {
    let mut all: Map<String, Value> = removed
        .iter()
        .map(|(key, platform)| (key.clone(), Component::removal(platform)))
        .collect();
    for component in components(device, with_options) {
        all.insert(component.key.clone(), component.into_json(&device.node));
    }
    let version = env!("CARGO_PKG_VERSION");
    let mut about = json!({
        "identifiers": [format!("goldcrest_{}", device.node)],
        "name": device.name,
        "manufacturer": "Goldcrest",
        "model": "Camera classifier",
        "model_id": device.offer.model,
        "sw_version": version,
    });
    if let Some(area) = &device.area {
        about["suggested_area"] = area.as_str().into();
    }
    let payload = json!({
        "device": about,
        "origin": { "name": "Goldcrest", "sw_version": version },
        "availability": [{ "topic": device.topic("availability") }],
        "availability_mode": "all",
        "qos": 1,
        "components": all,
    });
    payload.to_string().into_bytes()
}

fn components(device: &Device, with_options: bool) -> Vec<Component> {
    let mut all = vec![sight::camera_problem(device), sight::connection(device)];
    for seen in &device.offer.seen {
        all.push(sight::label(device, seen, with_options));
        all.push(sight::score(device, seen));
        all.push(sight::change(device, seen));
    }
    if device.abilities.snapshot {
        all.push(sight::snapshot(device));
    }
    all.extend(controls::all(device));
    all.extend(teaching::all(device, with_options));
    all.extend(diagnostics::all(device));
    all
}
