//! The section `[snapshot]` of the configuration.

use serde::Deserialize;

use super::encode::Bounds;
use crate::misfit::{Misfit, within};

/// Pictures that are published with events.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Whether there are any.
    pub enabled: bool,
    /// The most pixels of a side, 64 to 3840. Pictures are never enlarged.
    pub longest_side: usize,
    /// Quality of the JPEG, 10 to 95, as in libjpeg.
    pub quality: u8,
    /// The most bytes of a picture, 4096 to 8388608.
    pub max_bytes: usize,
    /// Whether the broker keeps the last picture.
    pub retain: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            enabled: false,
            longest_side: 640,
            quality: 80,
            // AWS IoT Core takes messages of up to 128 KiB.
            max_bytes: 120_000,
            retain: false,
        }
    }
}

impl Config {
    /// Checks every value.
    ///
    /// # Errors
    /// The first key that is out of its range, and the allowed values.
    pub(crate) fn check(&self) -> Result<(), Misfit> {
        within("longest_side", self.longest_side, 64..=3840, "pixels")?;
        within("quality", self.quality, 10..=95, "")?;
        within("max_bytes", self.max_bytes, 4096..=8 << 20, "bytes")
    }

    pub(super) fn bounds(&self) -> Bounds {
        Bounds {
            longest_side: self.longest_side,
            quality: self.quality,
            max_bytes: self.max_bytes,
            remedy: "set snapshot.max_bytes higher",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::misfit::expect_misfits;

    #[test]
    fn an_empty_section_takes_no_pictures() {
        let config: Config = toml::from_str("").unwrap();
        assert_eq!(config, Config::default());
        assert_eq!(config.check(), Ok(()));
        assert!(!config.enabled && !config.retain);
    }

    #[test]
    fn a_key_out_of_range_is_named_with_its_allowed_values() {
        expect_misfits(
            Config::check,
            &[
                ("longest_side = 63", "longest_side", "64 to 3840 pixels"),
                ("quality = 96", "quality", "10 to 95"),
                ("max_bytes = 4095", "max_bytes", "4096 to 8388608 bytes"),
            ],
        );
    }
}
