//! The configuration: TOML, composed of the sections that each module owns, in one file or several.
//!
//! Unknown keys, values of a wrong type and values out of range are refused. The error names the
//! file, the line, the key and what to write instead.

mod changes;
mod error;
mod id;
mod layers;
mod loaded;
mod types;
mod unknown;

use std::path::PathBuf;

use serde::Deserialize;
use toml::Table;

use self::layers::Layer;
use crate::misfit::Misfit;
use crate::{daemon, engine, logging, memory, metrics, observe, publish, snapshot, source, vision};

pub use changes::{Changes, Keys};
pub use error::Error;
pub use loaded::{Loaded, load};

/// The whole configuration. Every key has a default, so an empty file is valid.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Files that are read before this one, relative to its folder. Keys of this file win.
    pub include: Vec<PathBuf>,
    /// The name of this camera in MQTT topics. In the file it may hold placeholders, such as
    /// `{hostname}`.
    pub id: String,
    /// Where frames come from.
    pub source: source::Config,
    /// The camera, for `source.kind = "camera"`.
    pub camera: source::camera::Config,
    /// How a frame becomes the model's input.
    pub vision: vision::Config,
    /// Which frames are worth an inference.
    pub gate: vision::GateConfig,
    /// The model and how it is run.
    pub model: engine::Config,
    /// When a label is published.
    pub observe: observe::Config,
    /// The broker.
    pub mqtt: publish::Config,
    /// How this camera appears in Home Assistant.
    pub homeassistant: publish::homeassistant::Config,
    /// Which commands are obeyed.
    pub commands: publish::CommandsConfig,
    /// How events wait for the broker.
    pub outbox: publish::OutboxConfig,
    /// Pictures that are published with events.
    pub snapshot: snapshot::Config,
    /// How often health is published.
    pub health: daemon::HealthConfig,
    /// Numbers for Prometheus.
    pub metrics: metrics::Config,
    /// How much memory is allowed.
    pub memory: memory::Config,
    /// The log level.
    pub log: logging::Config,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            include: Vec::new(),
            id: "camera".into(),
            source: Default::default(),
            camera: Default::default(),
            vision: Default::default(),
            gate: Default::default(),
            model: Default::default(),
            observe: Default::default(),
            mqtt: Default::default(),
            homeassistant: Default::default(),
            commands: Default::default(),
            outbox: Default::default(),
            snapshot: Default::default(),
            health: Default::default(),
            metrics: Default::default(),
            memory: Default::default(),
            log: Default::default(),
        }
    }
}

/// Reads a configuration from the text of one file; `path` is for messages.
///
/// # Errors
/// The first thing wrong with it.
#[cfg(test)]
pub(crate) fn parse(text: &str, path: &std::path::Path) -> Result<Config, Error> {
    Ok(compose(&[Layer::new(path, text)])?.0)
}

/// Merges the files and checks every value. Returns the configuration, in which the placeholders of
/// the id are filled in, and the keys as they were written.
fn compose(layers: &[Layer]) -> Result<(Config, Table), Error> {
    let (table, mut config) = layers::merge(layers)?;
    let expanded = id::expand(&config.id);
    if let Ok(id) = &expanded {
        config.id.clone_from(id);
    }
    let sections = [
        ("", expanded.and_then(|id| check_id(&id))),
        ("source", config.source.check()),
        ("camera", config.camera.check()),
        ("vision", config.vision.check()),
        ("gate", config.gate.check()),
        ("model", config.model.check()),
        ("observe", config.observe.check()),
        ("mqtt", config.mqtt.check()),
        ("homeassistant", config.homeassistant.check()),
        ("commands", config.commands.check()),
        ("outbox", config.outbox.check()),
        ("snapshot", config.snapshot.check()),
        ("snapshot", check_packet(&config)),
        ("health", config.health.check()),
        ("metrics", config.metrics.check()),
        ("memory", config.memory.check()),
        ("log", config.log.check()),
    ];
    for (section, checked) in sections {
        if let Err(Misfit { key, message }) = checked {
            let key = if section.is_empty() {
                key
            } else {
                format!("{section}.{key}")
            };
            return Err(layers::refuse(layers, key, message));
        }
    }
    Ok((config, table))
}

/// The sections that know `key`.
fn homes(key: &str) -> Vec<String> {
    let mut sections = known_keys("");
    sections.retain(|section| known_keys(section).iter().any(|known| known == key));
    sections
}

/// The keys of `section`, as serde lists them for an unknown one; those of the file for "".
fn known_keys(section: &str) -> Vec<String> {
    let header = if section.is_empty() {
        String::new()
    } else {
        format!("[{section}]\n")
    };
    let Err(error) = toml::from_str::<Config>(&format!("{header}no_such_key = 1\n")) else {
        return Vec::new();
    };
    let names = error.message().split('`').skip(3).step_by(2);
    names.map(str::to_string).collect()
}

/// A picture must fit into one MQTT packet beside its topic.
fn check_packet(config: &Config) -> Result<(), Misfit> {
    let (picture, packet) = (config.snapshot.max_bytes, config.mqtt.max_packet);
    if !config.snapshot.enabled || picture + TOPIC <= packet {
        return Ok(());
    }
    let most = packet.saturating_sub(TOPIC);
    Err(Misfit::new(
        "max_bytes",
        format!(
            "must be at most {most} bytes, {TOPIC} less than mqtt.max_packet, and is {picture}"
        ),
    ))
}

/// Bytes of a packet that its topic and its head take, at most.
const TOPIC: usize = 512;

/// An id stands in topics, client ids and file names.
fn check_id(id: &str) -> Result<(), Misfit> {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if (1..=64).contains(&id.len()) && id.chars().all(good) {
        return Ok(());
    }
    Err(Misfit::new(
        "id",
        format!("{id:?} must be 1 to 64 letters, digits, - and _"),
    ))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use toml::de::DeTable;

    use super::error::{line_of, position};
    use super::*;

    fn refused(text: &str) -> String {
        parse(text, Path::new("c.toml"))
            .expect_err("it should be refused")
            .to_string()
    }

    #[test]
    fn the_shipped_file_is_valid_and_says_the_defaults() {
        let text = include_str!("../../config.toml");
        let shipped = parse(text, Path::new("config.toml")).unwrap();
        assert_eq!(format!("{:?}", Config::default()), format!("{shipped:?}"));
    }

    #[test]
    fn the_shipped_file_holds_every_key() {
        let text = include_str!("../../config.toml");
        let has = |line: &str| {
            let mut lines = text.lines().map(|l| l.trim_start_matches(['#', ' ']));
            lines.any(|l| l.starts_with(line))
        };
        let sections = known_keys("");
        assert!(sections.len() > 9, "{sections:?}");
        for section in sections
            .iter()
            .filter(|section| !["id", "include"].contains(&section.as_str()))
        {
            assert!(has(&format!("[{section}]")), "[{section}]");
            let keys = known_keys(section);
            assert!(!keys.is_empty(), "[{section}]");
            for key in keys {
                let table = format!("[{section}.{key}]");
                assert!(has(&format!("{key} =")) || has(&table), "{section}.{key}");
            }
        }
    }

    #[test]
    fn an_unknown_key_names_file_line_and_the_nearest() {
        assert_eq!(
            refused("id = \"a\"\n[observe]\ntreshold = 0.5\n"),
            "c.toml:3: observe.treshold: unknown key; the nearest known key is `threshold`"
        );
        assert!(
            refused("[obseve]\n")
                .starts_with("c.toml:1: obseve: unknown key; the nearest known key is `observe`")
        );
    }

    #[test]
    fn a_wrong_type_names_file_line_and_key() {
        let message = refused("[mqtt]\nport = \"high\"\n");
        assert!(
            message.starts_with("c.toml:2: mqtt.port: must be a whole number"),
            "{message}"
        );
    }

    #[test]
    fn a_value_out_of_range_names_the_range() {
        let message = refused("\n\n[observe]\nthreshold = 7.0\n");
        assert!(
            message.starts_with("c.toml:4: observe.threshold: "),
            "{message}"
        );
        assert!(message.contains('1'), "{message}");
        assert!(refused("id = \"a/b\"").starts_with("c.toml:1: id: "));
    }

    #[test]
    fn a_picture_that_fits_no_packet_is_refused() {
        let text = "[mqtt]\nmax_packet = 50000\n[snapshot]\nenabled = true\nmax_bytes = 50000\n";
        assert_eq!(
            refused(text),
            "c.toml:5: snapshot.max_bytes: must be at most 49488 bytes, 512 less than \
             mqtt.max_packet, and is 50000"
        );
        let off = text.replace("enabled = true\n", "");
        assert!(parse(&off, Path::new("c.toml")).is_ok());
    }

    #[test]
    fn a_mask_that_is_none_names_its_line_and_both_forms() {
        for masks in ["[[0, 0, 1]]", "[[[0, 0], [1, 1]]]"] {
            let message = refused(&format!("[vision]\nrotate = 90\nmasks = {masks}\n"));
            assert!(message.starts_with("c.toml:3: vision.masks: "), "{message}");
            assert!(
                message.contains("at least three points [x, y]"),
                "{message}"
            );
        }
    }

    #[test]
    fn a_key_in_a_nested_table_has_its_own_line() {
        let text = "[mqtt]\nport = 1\n[mqtt.tls]\nca = 2\nname.first = 3\n";
        let table = DeTable::parse(text).unwrap();
        let line = |key| position(table.get_ref(), key).map(|at| line_of(text, at));
        assert_eq!(line("mqtt.port"), Some(2));
        assert_eq!(line("mqtt.tls.ca"), Some(4));
        assert_eq!(line("mqtt.tls.name.first"), Some(5));
        // A key that is left out is shown at the table that lacks it.
        assert_eq!(line("mqtt.tls.key"), Some(3));
        assert_eq!(line("gate.hold"), None);
    }

    #[test]
    fn broken_toml_names_its_line() {
        let message = refused("id = \"a\"\n[observe\n");
        assert!(message.starts_with("c.toml:2: not TOML: "), "{message}");
    }

    #[test]
    fn a_choice_lists_what_may_be_chosen() {
        let message = refused("[vision]\nresize = \"stretch\"\n");
        assert!(
            message.contains("squash") && message.contains("letterbox"),
            "{message}"
        );
    }
}
