//! The section `[commands]`.

use std::path::PathBuf;

use serde::Deserialize;

use super::command::NAMES;
use crate::misfit::Misfit;

/// Bytes of the commands that wait, and of the answers that do.
const MEMORY: usize = 128 << 10;

/// Which commands are obeyed, section `[commands]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Whether to subscribe to commands. Off by default: whoever may publish there steers the
    /// daemon.
    pub enabled: bool,
    /// The names of the commands that are obeyed; the others are refused.
    pub allow: Vec<String>,
    /// Whether what commands set survives a restart.
    pub keep: bool,
    /// The folder for that. The default is systemd's `StateDirectory=`.
    pub folder: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            enabled: false,
            allow: NAMES.map(String::from).into(),
            keep: false,
            folder: None,
        }
    }
}

impl Config {
    /// Checks the names.
    ///
    /// # Errors
    /// A name that is no command's, with those that are.
    pub(crate) fn check(&self) -> Result<(), Misfit> {
        if self.allow.iter().all(|name| NAMES.contains(&&**name)) {
            return Ok(());
        }
        let message = format!("has what is no command; commands are {}", NAMES.join(", "));
        Err(Misfit::new("allow", message))
    }

    /// The most memory that commands and their answers take while they wait, in bytes.
    pub(crate) fn memory(&self) -> usize {
        if self.enabled { MEMORY } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_off_by_default_and_all_allowed_once_on() {
        let config: Config = toml::from_str("").unwrap();
        assert_eq!(config, Config::default());
        assert!(!config.enabled && !config.keep);
        assert_eq!(config.allow, NAMES);
        assert_eq!((config.check(), config.memory()), (Ok(()), 0));
    }

    #[test]
    fn an_unknown_name_is_refused_with_those_that_are_known() {
        let config: Config = toml::from_str("allow = ['pause', 'reboot']").unwrap();
        let misfit = config.check().unwrap_err();
        assert_eq!(misfit.key, "allow");
        assert!(
            misfit
                .message
                .starts_with("has what is no command; commands are pause, resume")
        );
        assert!(toml::from_str::<Config>("alow = []").is_err());
    }
}
