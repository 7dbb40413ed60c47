//! The section `[vision]` of the configuration.

use serde::Deserialize;

use crate::misfit::Misfit;

use super::mask::Mask;
use crate::engine::Resize;

/// How the picture is turned and cropped.
///
/// A picture is first rotated, then flipped, then cropped: `crop` is in the coordinates of the
/// picture as it is seen after both.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The part to use: left, top, width and height as parts of the picture's sides, 0 to 1.
    pub crop: [f64; 4],
    /// Parts that are black before anything looks at the picture, in the coordinates of `crop`.
    pub masks: Vec<Mask>,
    /// Clockwise turn in degrees: 0, 90, 180 or 270.
    pub rotate: u16,
    /// How the turned picture is mirrored.
    pub flip: Flip,
    /// How the part is resized to the model's shape; the way that the model was trained with if
    /// absent.
    pub resize: Option<Resize>,
}

/// How a picture is mirrored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flip {
    /// Not at all.
    #[default]
    None,
    /// Left becomes right.
    Horizontal,
    /// Top becomes bottom.
    Vertical,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            crop: [0.0, 0.0, 1.0, 1.0],
            masks: Vec::new(),
            rotate: 0,
            flip: Flip::None,
            resize: None,
        }
    }
}

impl Config {
    /// Checks every value.
    ///
    /// # Errors
    /// The first key whose value is not allowed, and the allowed values.
    pub(crate) fn check(&self) -> Result<(), Misfit> {
        let [x, y, w, h] = self.crop;
        let inside = |from: f64, length: f64| {
            // 0.7 + 0.3 may come out a little above 1.
            (0.0..1.0).contains(&from) && length > 0.0 && from + length <= 1.0 + 1e-9
        };
        if !inside(x, w) || !inside(y, h) {
            return Err(Misfit::new(
                "crop",
                "must be [x, y, width, height] as parts of the picture, each 0 to 1, \
                 with x + width and y + height at most 1 and both sizes above 0",
            ));
        }
        Mask::check(&self.masks)?;
        if ![0, 90, 180, 270].contains(&self.rotate) {
            return Err(Misfit::new("rotate", "must be 0, 90, 180 or 270 degrees"));
        }
        Ok(())
    }

    /// Bytes that the masks take, at most, in each place that reads pictures of up to `height`
    /// rows.
    pub(crate) fn mask_memory(&self, height: usize) -> usize {
        Mask::memory(&self.masks, height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_section_is_the_default() {
        let config: Config = toml::from_str("").unwrap();
        assert_eq!(config, Config::default());
        assert_eq!(config.check(), Ok(()));
    }

    #[test]
    fn every_key_is_read() {
        let text = "crop = [0.7, 0, 0.3, 1]\nmasks = [[0, 0, 0.5, 1]]\nrotate = 270\nflip = \"vertical\"\nresize = \"fit-short\"";
        let config: Config = toml::from_str(text).unwrap();
        assert_eq!(config.check(), Ok(()));
        assert_eq!(config.crop, [0.7, 0.0, 0.3, 1.0]);
        assert_eq!(config.masks, [Mask::rectangle([0.0, 0.0, 0.5, 1.0])]);
        assert_eq!((config.rotate, config.flip), (270, Flip::Vertical));
        assert_eq!(config.resize, Some(Resize::FitShort));
        assert!(toml::from_str::<Config>("zoom = 2").is_err());
    }

    #[test]
    fn a_value_that_is_not_allowed_is_named() {
        let key = |config: Config| config.check().unwrap_err().key;
        for crop in [
            [0.5, 0.0, 0.6, 1.0],
            [0.0, 0.0, 0.0, 1.0],
            [-0.1, 0.0, 1.0, 1.0],
            [0.0, 0.0, 1.0, f64::NAN],
            [1.0, 0.0, 1.0, 1.0],
        ] {
            let config = Config {
                crop,
                ..Config::default()
            };
            assert_eq!(key(config), "crop", "{crop:?}");
        }
        let config = Config {
            rotate: 45,
            ..Config::default()
        };
        assert_eq!(key(config), "rotate");
    }
}
