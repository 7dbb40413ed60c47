//! The values of `model.toml`, checked against their ranges.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::engine::digest::{HexDigest, NotHex};
use crate::engine::labels::{self, one_line};
use crate::misfit::{Misfit, within};

/// The longest name of a model, in bytes.
const LONGEST_NAME: usize = 256;
/// Sides that an input may have, in pixels. Buffers of the largest take 50 MB.
pub(in crate::engine) const SIDES: std::ops::RangeInclusive<usize> = 1..=2048;
/// Keys of `[input]`.
const INPUT: [&str; 5] = ["width", "height", "mean", "std", "resize"];

/// The way from a picture of another shape to the model's input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resize {
    /// Both sides are scaled to fit, each by its own factor.
    #[default]
    Squash,
    /// The shorter side is scaled to fit and the middle of the longer one is kept.
    FitShort,
    /// The longer side is scaled to fit and the rest is filled with the mean colour.
    Letterbox,
}

/// The input that the network was trained for.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// Width in pixels, 1 to 2048.
    pub width: usize,
    /// Height in pixels, 1 to 2048.
    pub height: usize,
    /// Mean of red, green and blue, of levels in 0 to 1.
    pub mean: [f32; 3],
    /// Standard deviation of red, green and blue, of levels in 0 to 1. Never 0.
    pub std: [f32; 3],
    /// The way to this size that training took.
    pub resize: Resize,
}

/// What `model.toml` says.
pub(super) struct Facts {
    pub name: String,
    pub sha256: HexDigest,
    pub input: Input,
    pub temperature: f32,
}

/// `model.toml`, whose values are taken by their dotted keys.
pub(super) struct Toml(toml::Table);

impl Toml {
    pub fn parse(text: &str) -> Result<Self, Misfit> {
        let parsed = toml::from_str(text);
        parsed.map(Self).map_err(|e| {
            let line = e
                .span()
                .map_or(1, |s| 1 + text[..s.start].matches('\n').count());
            Misfit::new(
                format!("line {line}"),
                format!("is no TOML: {}", one_line(e.message())),
            )
        })
    }

    /// The value of the dotted `key`.
    fn value<T: DeserializeOwned>(&self, key: &str) -> Result<T, Misfit> {
        let mut names = key.split('.');
        let first = names.next().and_then(|name| self.0.get(name));
        let value = names.fold(first, |value, name| value?.get(name));
        let value = value.ok_or_else(|| Misfit::new(key, "is missing"))?;
        let read = value.clone().try_into();
        read.map_err(|e: toml::de::Error| {
            Misfit::new(key, format!("cannot be used: {}", one_line(e.message())))
        })
    }

    /// Three values, one a colour.
    fn colours(&self, key: &str, range: std::ops::RangeInclusive<f32>) -> Result<[f32; 3], Misfit> {
        let all: [f32; 3] = self.value(key)?;
        for value in all {
            within(key, value, range.clone(), "(of levels in 0 to 1)")?;
        }
        Ok(all)
    }

    fn side(&self, key: &str) -> Result<usize, Misfit> {
        let side = self.value(key)?;
        within(key, side, SIDES, "pixels")?;
        Ok(side)
    }

    fn input(&self) -> Result<Input, Misfit> {
        let table: toml::Table = self.value("input")?;
        if let Some(key) = table.keys().find(|key| !INPUT.contains(&key.as_str())) {
            let known = INPUT.join(", ");
            return Err(Misfit::new(
                format!("input.{}", one_line(key)),
                format!("is not known; known are {known}"),
            ));
        }
        Ok(Input {
            width: self.side("input.width")?,
            height: self.side("input.height")?,
            mean: self.colours("input.mean", 0.0..=1.0)?,
            // A level divided by the least one still has a finite square.
            std: self.colours("input.std", 1e-4..=100.0)?,
            resize: self.value("input.resize")?,
        })
    }

    fn name(&self) -> Result<String, Misfit> {
        let name: String = self.value("name")?;
        if name.len() > LONGEST_NAME || name.chars().any(labels::is_control) {
            let message =
                format!("must be at most {LONGEST_NAME} bytes without control characters");
            return Err(Misfit::new("name", message));
        }
        Ok(name)
    }

    pub fn facts(&self) -> Result<Facts, Misfit> {
        let v: i64 = self.value("v")?;
        if v != 1 {
            let message =
                format!("= {v} is a form that this version does not know; it knows v = 1");
            return Err(Misfit::new("v", message));
        }
        let sha256: String = self.value("sha256")?;
        let sha256 = sha256.parse();
        let sha256 =
            sha256.map_err(|e: NotHex| Misfit::new("sha256", format!("{e} for the ONNX file")))?;
        let temperature = self.value("calibration.temperature")?;
        within("calibration.temperature", temperature, 1e-3..=1e3, "")?;
        Ok(Facts {
            name: self.name()?,
            sha256,
            input: self.input()?,
            temperature,
        })
    }
}
