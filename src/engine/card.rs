//! The files beside a model: `model.toml` and `labels.txt`.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::error::Error;

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
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Mean of red, green and blue, of levels in 0 to 1.
    pub mean: [f32; 3],
    /// Standard deviation of red, green and blue, of levels in 0 to 1.
    pub std: [f32; 3],
    /// The way to this size that training took.
    pub resize: Resize,
}

/// `model.toml` and `labels.txt`, read and checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Card {
    /// The model's name, for people.
    pub name: String,
    /// SHA-256 of the ONNX file, in hex.
    pub sha256: String,
    /// The input that the network expects.
    pub input: Input,
    /// Logits are divided by it before softmax, so that scores are calibrated probabilities.
    pub temperature: f32,
    /// One name for each logit, in order.
    pub labels: Vec<String>,
}

#[derive(Deserialize)]
struct ModelToml {
    v: u32,
    name: String,
    sha256: String,
    input: Input,
    calibration: Calibration,
}

#[derive(Deserialize)]
struct Calibration {
    temperature: f32,
}

impl Card {
    /// Reads `model.toml` and `labels.txt` from the folder of the ONNX file `model`.
    ///
    /// # Errors
    /// [`Error::Io`] for a file that is missing, [`Error::Model`] for one whose content is wrong.
    pub fn read(model: &Path) -> Result<Self, Error> {
        let folder = model.parent().unwrap_or(Path::new(""));
        let at = |name: &str| folder.join(name);
        let text = |path: &PathBuf| {
            std::fs::read_to_string(path).map_err(|cause| Error::Io {
                path: path.clone(),
                cause,
            })
        };
        let toml_path = at("model.toml");
        let bad = |path: &PathBuf, message: String| Error::Model {
            path: path.clone(),
            message,
        };
        let found: ModelToml = toml::from_str(&text(&toml_path)?)
            .map_err(|e| bad(&toml_path, e.message().to_string()))?;
        if found.v != 1 {
            return Err(bad(
                &toml_path,
                format!(
                    "v = {} is a form that this version does not know; it knows v = 1",
                    found.v
                ),
            ));
        }
        if !(found.calibration.temperature.is_finite() && found.calibration.temperature > 0.0) {
            return Err(bad(
                &toml_path,
                "calibration.temperature must be above 0".into(),
            ));
        }
        let labels_path = at("labels.txt");
        let labels: Vec<String> = text(&labels_path)?.lines().map(str::to_string).collect();
        if labels.is_empty() || labels.iter().any(|l| l.trim().is_empty()) {
            return Err(bad(
                &labels_path,
                "it must hold one label a line, none empty".into(),
            ));
        }
        Ok(Self {
            name: found.name,
            sha256: found.sha256,
            input: found.input,
            temperature: found.calibration.temperature,
            labels,
        })
    }

    /// Refuses labels that are not one for each of the `logits` of the model at `model`.
    ///
    /// # Errors
    /// [`Error::Model`] of `labels.txt`.
    pub(crate) fn check_labels(&self, model: &Path, logits: usize) -> Result<(), Error> {
        if logits == self.labels.len() {
            return Ok(());
        }
        Err(Error::Model {
            path: model.with_file_name("labels.txt"),
            message: format!(
                "it has {} labels and the model {logits} outputs; give it one line for each output, in order",
                self.labels.len()
            ),
        })
    }
}
