//! Discovery messages against Home Assistant's lists, and their order.

mod order;
mod page;
mod payload;
mod regions;

use super::device::{Abilities, Device, Offer, Seen};
use super::{Config, lists};

fn offer(labels: &[&str]) -> Offer {
    Offer {
        seen: vec![Seen {
            labels: labels.iter().map(|label| label.to_string()).collect(),
            ..Seen::default()
        }],
        unknown: "unknown".into(),
        model: "porch".into(),
        model_hash: "cafe".into(),
        health_interval: 60.0,
        lessons: Vec::new(),
    }
}

/// Everything is on.
fn all_on() -> Abilities {
    let commands = [
        "pause",
        "resume",
        "snapshot",
        "reload",
        "threshold",
        "log_level",
        "health",
        "teach",
    ];
    Abilities {
        commands: commands.map(String::from).into(),
        snapshot: true,
        thermometer: true,
        teach: true,
    }
}

fn device(id: &str, abilities: Abilities, offer: Offer) -> Device {
    let config = Config {
        node: Some("front_1234".into()),
        ..Config::default()
    };
    Device::new(&config, "goldcrest", id, abilities, offer)
}
