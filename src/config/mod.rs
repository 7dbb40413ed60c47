//! The configuration: TOML, composed of the sections that each module owns, in one file or several.
//!
//! Unknown keys, values of a wrong type and values out of range are refused. The error names the
//! file, the line, the key and what to write instead. It repeats no text of the file but the names
//! of keys: any text may be a password in the wrong place.

mod changes;
mod error;
mod id;
mod layers;
mod loaded;
mod types;
mod unknown;

use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Table;

use self::layers::Layer;
use crate::misfit::Misfit;
use crate::{
    daemon, engine, lessons, logging, memory, metrics, observe, publish, review, snapshot, source,
    vision,
};

pub use changes::{Changes, Keys};
pub use error::Error;
pub use loaded::{Loaded, load, load_for};

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
    /// The program, for `source.kind = "process"`.
    pub process: source::process::Config,
    /// The address, for `source.kind = "http"`.
    pub http: source::http::Config,
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
    /// How the running daemon is taught.
    pub teach: lessons::Config,
    /// How events wait for the broker.
    pub outbox: publish::OutboxConfig,
    /// Pictures that are published with events.
    pub snapshot: snapshot::Config,
    /// Pictures that are kept for a person to sort.
    pub review: review::Config,
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
            process: Default::default(),
            http: Default::default(),
            vision: Default::default(),
            gate: Default::default(),
            model: Default::default(),
            observe: Default::default(),
            mqtt: Default::default(),
            homeassistant: Default::default(),
            commands: Default::default(),
            teach: Default::default(),
            outbox: Default::default(),
            snapshot: Default::default(),
            review: Default::default(),
            health: Default::default(),
            metrics: Default::default(),
            memory: Default::default(),
            log: Default::default(),
        }
    }
}

impl Config {
    /// What it says of sources; relative paths start at `folder`.
    pub(crate) fn sections<'a>(&'a self, folder: &'a Path) -> source::Sections<'a> {
        source::Sections {
            source: &self.source,
            camera: &self.camera,
            process: &self.process,
            http: &self.http,
            folder,
        }
    }
}

/// Reads a configuration from the text of one file; `path` is for messages.
///
/// # Errors
/// The first thing wrong with it.
#[cfg(test)]
pub(crate) fn parse(text: &str, path: &Path) -> Result<Config, Error> {
    Ok(compose(&[Layer::new(path, text)], false)?.0)
}

/// Merges the files and checks every value. Returns the configuration, in which the placeholders of
/// the id are filled in, and the keys as they were written. With a `head` of the command line, the
/// rule of `[observe]` is checked as beside a configured one.
fn compose(layers: &[Layer], head: bool) -> Result<(Config, Table), Error> {
    let (table, mut config) = layers::merge(layers)?;
    let expanded = id::expand(&config.id);
    if let Ok(id) = &expanded {
        config.id.clone_from(id);
    }
    let taught = head || config.model.head.is_some();
    let sections = [
        ("", expanded.and_then(|id| check_id(&id))),
        ("source", config.source.check()),
        ("camera", config.camera.check()),
        (
            "process",
            config
                .process
                .check(config.source.kind == source::SourceKind::Process),
        ),
        (
            "http",
            config
                .http
                .check(config.source.kind == source::SourceKind::Http),
        ),
        ("vision", config.vision.check()),
        ("gate", config.gate.check()),
        ("model", config.model.check()),
        ("observe", config.observe.check(taught)),
        ("mqtt", config.mqtt.check()),
        ("homeassistant", config.homeassistant.check()),
        ("commands", config.commands.check()),
        ("teach", config.teach.check()),
        ("outbox", config.outbox.check()),
        ("snapshot", config.snapshot.check()),
        ("snapshot", check_packet(&config)),
        ("review", config.review.check()),
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
    let message = "must be 1 to 64 letters, digits, - and _";
    Err(Misfit::new("id", message))
}

#[cfg(test)]
mod tests;
