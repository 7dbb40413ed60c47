//! The section `[homeassistant]`.

use std::path::PathBuf;

use serde::Deserialize;

use super::node;
use crate::misfit::{Misfit, within};
use crate::publish::topics;

/// Bytes of an announcement with a thousand labels, waiting and in the connection.
const MEMORY: usize = 96 << 10;

/// How this instance appears in Home Assistant, section `[homeassistant]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Whether to announce this instance to Home Assistant.
    pub enabled: bool,
    /// The first levels of the discovery topic and of Home Assistant's status topic.
    pub prefix: String,
    /// The name of this instance in the discovery topic and in unique ids: 1 to 64 letters,
    /// digits, `-` and `_`. The default is made of the instance's id and a hash of the
    /// machine's.
    pub node: Option<String>,
    /// The device's name, 1 to 64 characters. The default is `Goldcrest` and the instance's id.
    pub name: Option<String>,
    /// The area that Home Assistant suggests for the device, 1 to 64 characters.
    pub area: Option<String>,
    /// The folder in which this instance remembers what it announced. The default is systemd's
    /// `StateDirectory=`.
    pub folder: Option<PathBuf>,
    /// The most seconds after a start of Home Assistant within which everything is published
    /// again, 1 to 600.
    pub resend_within: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            enabled: false,
            prefix: "homeassistant".into(),
            node: None,
            name: None,
            area: None,
            folder: None,
            resend_within: 10.0,
        }
    }
}

impl Config {
    /// Checks every value.
    ///
    /// # Errors
    /// The first key that is out of its range, and the allowed values.
    pub(crate) fn check(&self) -> Result<(), Misfit> {
        if self.prefix.is_empty()
            || self.prefix.len() > 128
            || self.prefix.starts_with(['/', '$'])
            || self.prefix.ends_with('/')
            || self.prefix.contains(topics::is_special)
        {
            return Err(Misfit::new(
                "prefix",
                "must be 1 to 128 bytes without +, # and control characters, without $ or / at its start and / at its end",
            ));
        }
        if let Some(node) = &self.node
            && (!(1..=64).contains(&node.len()) || !node.chars().all(node::is_allowed))
        {
            return Err(Misfit::new(
                "node",
                "must be 1 to 64 letters, digits, - and _",
            ));
        }
        for (key, text) in [("name", &self.name), ("area", &self.area)] {
            if let Some(text) = text
                && (!(1..=64).contains(&text.chars().count())
                    || text.trim().len() != text.len()
                    || text.contains(char::is_control))
            {
                return Err(Misfit::new(
                    key,
                    "must be 1 to 64 characters without spaces at its ends and control characters",
                ));
            }
        }
        within("resend_within", self.resend_within, 1.0..=600.0, "seconds")
    }

    /// The most memory that the announcement takes while it waits, in bytes.
    pub(crate) fn memory(&self) -> usize {
        if self.enabled { MEMORY } else { 0 }
    }

    /// The configured node, or the default one of the instance `id` on this machine.
    pub(super) fn node(&self, id: &str) -> String {
        self.node.clone().unwrap_or_else(|| node::default(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::misfit::expect_misfits;

    #[test]
    fn an_empty_section_gives_valid_defaults() {
        assert_eq!(Config::default().check(), Ok(()));
        assert_eq!(toml::from_str::<Config>("").unwrap(), Config::default());
    }

    #[test]
    fn a_key_out_of_range_is_named() {
        expect_misfits(
            Config::check,
            &[
                ("prefix = ''", "prefix", ""),
                ("prefix = '/ha'", "prefix", ""),
                ("prefix = 'ha/'", "prefix", ""),
                ("prefix = 'ha/+'", "prefix", ""),
                ("node = ''", "node", ""),
                ("node = 'front.door'", "node", ""),
                ("node = 'für'", "node", ""),
                ("name = ''", "name", ""),
                ("name = ' Door'", "name", ""),
                ("area = \"a\\nb\"", "area", ""),
                ("resend_within = 0.5", "resend_within", ""),
                ("resend_within = nan", "resend_within", ""),
            ],
        );
    }
}
