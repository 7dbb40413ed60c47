//! The section `[teach]`.

use std::path::PathBuf;

use serde::Deserialize;

use crate::misfit::{Misfit, within};

/// How the running daemon is taught, section `[teach]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Whether the command `teach` is obeyed, and whether what it taught is in force.
    pub enabled: bool,
    /// The most examples that are kept, 2 to 2000.
    pub max_examples: usize,
    /// Whether a small picture of each example is kept too.
    pub pictures: bool,
    /// The folder of the examples. The default is systemd's `StateDirectory=`.
    pub folder: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            enabled: false,
            max_examples: 500,
            pictures: false,
            folder: None,
        }
    }
}

impl Config {
    /// Checks the range.
    ///
    /// # Errors
    /// The key and the allowed values.
    pub(crate) fn check(&self) -> Result<(), Misfit> {
        within("max_examples", self.max_examples, 2..=2000, "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn teaching_is_off_by_default() {
        let config: Config = toml::from_str("").unwrap();
        assert_eq!((config.check(), &config), (Ok(()), &Config::default()));
        assert!(!config.enabled && !config.pictures);
    }

    #[test]
    fn a_number_of_examples_out_of_range_is_named() {
        for most in [0, 1, 2001] {
            let config: Config = toml::from_str(&format!("max_examples = {most}")).unwrap();
            let misfit = config.check().unwrap_err().to_string();
            assert_eq!(
                misfit,
                format!("max_examples must be 2 to 2000, and is {most}")
            );
        }
    }
}
