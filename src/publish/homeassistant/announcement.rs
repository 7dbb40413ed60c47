//! How an instance appears in Home Assistant, as configured.

use std::path::PathBuf;
use std::time::Duration;

use super::config::Config;
use super::device::{Abilities, Device, Offer};
use super::discovery::{DELAY, Discovery};
use super::record::Record;
use crate::publish;

/// How an instance appears in Home Assistant.
#[derive(Clone, Debug, PartialEq)]
pub struct Announcement {
    /// The section of the configuration.
    pub config: Config,
    /// The folder in which to remember what was announced; without one, nothing is.
    pub folder: Option<PathBuf>,
    /// What the instance allows.
    pub abilities: Abilities,
    /// What it offers at the start.
    pub offer: Offer,
}

impl Announcement {
    /// What the instance `id` tells Home Assistant at the broker `mqtt`, and the file that
    /// remembers it. If the section is disabled, what was announced before is taken back.
    pub(crate) fn discovery(
        &self,
        mqtt: &publish::Config,
        id: &str,
    ) -> (Discovery, Option<Record>) {
        let record = self.folder.as_deref().map(Record::new);
        let announced = record.as_ref().map(Record::read).unwrap_or_default();
        let device = self.config.enabled.then(|| {
            let (abilities, offer) = (self.abilities.clone(), self.offer.clone());
            Device::new(&self.config, &mqtt.base, id, abilities, offer)
        });
        if let Some(device) = &device {
            let topic = device.discovery_topic();
            log::info!("Home Assistant: announcing this camera on {topic}");
            if record.is_none() {
                log::info!(
                    "Home Assistant: without homeassistant.folder Goldcrest does not remember that, and cannot take it \
                     back once the id, the node or the prefix has changed"
                );
            }
        }
        let within = Duration::try_from_secs_f64(self.config.resend_within).unwrap_or(DELAY);
        let (broker, most) = (mqtt.address(), mqtt.max_packet);
        (
            Discovery::new(device, broker, most, within, announced),
            record,
        )
    }
}
