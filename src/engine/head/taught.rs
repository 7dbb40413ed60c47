//! A head that was taught, with all that its file holds.

use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Head;
use crate::engine::digest::HexDigest;
use crate::engine::error::Error;
use crate::engine::labels::is_control;

/// The label of examples that show nothing of the other labels. A frame that it fits best is
/// published as unknown.
pub const NOTHING: &str = "none";

/// The most labels that a head may have.
pub const MOST_LABELS: usize = 200;

/// The longest label, in characters.
const MOST_CHARACTERS: usize = 64;

/// The longest warning, and the most of them.
const MOST_WARNING_CHARACTERS: usize = 1000;
const MOST_WARNINGS: usize = 1000;

/// The largest scene, in bytes.
const MOST_SCENE: usize = 64 << 10;

/// A taught head: what runs, what its outputs mean, and how good it is.
#[derive(Clone, Debug)]
pub struct Taught {
    /// One name for each logit, in order, each once; [`NOTHING`] is among them if it was taught.
    pub labels: Vec<String>,
    /// From features to logits.
    pub head: Head,
    /// Logits are divided by it before softmax, so that scores are calibrated probabilities.
    pub temperature: f32,
    /// When a label is claimed, where the configuration does not tell.
    pub rule: Rule,
    /// How good it was on examples that were left out.
    pub quality: Quality,
    /// A coarse picture of the edges in view, to tell if the camera was moved; empty for none.
    pub scene: Vec<u8>,
    /// SHA-256 of the ONNX file whose features it takes.
    pub backbone: HexDigest,
    /// When it was taught, in whole seconds.
    pub made: SystemTime,
}

impl Taught {
    /// Refuses the model whose ONNX file has another SHA-256 than the one that the head was taught
    /// on.
    ///
    /// # Errors
    /// [`Error::Head`]
    pub fn fits(&self, model_sha256: &HexDigest) -> Result<(), Error> {
        if self.backbone == *model_sha256 {
            return Ok(());
        }
        Err(Error::Head(format!(
            "the head was taught on the model {}, and the model here is {}; teach it again with this model, or set model.path to that one",
            self.backbone.abbreviated(),
            model_sha256.abbreviated()
        )))
    }

    /// Checks all that the types leave open: a head that passes can be written, read and run.
    ///
    /// # Errors
    /// [`Error::Head`] with the first fault.
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |fault: String| Err(Error::Head(fault));
        let count = self.labels.len();
        if count == 0 || count > MOST_LABELS || count != self.head.outputs() {
            return refuse(format!(
                "the head has {count} labels for {} logits; 1 to {MOST_LABELS} are allowed, one a logit",
                self.head.outputs()
            ));
        }
        let mut seen = HashSet::new();
        for label in &self.labels {
            check_label(label).map_err(Error::Head)?;
            if !seen.insert(label.as_str()) {
                return refuse(format!("the head has the label {label:?} twice"));
            }
        }
        check_number("temperature", self.temperature, 1e-6..=1e6)?;
        self.rule.check()?;
        self.quality.check(&self.labels)?;
        if self.scene.len() > MOST_SCENE {
            return refuse(format!(
                "the head's scene has {} bytes, and {MOST_SCENE} are the most",
                self.scene.len()
            ));
        }
        // Until the year 9999, which is all that can be shown.
        if self.made >= UNIX_EPOCH + Duration::from_secs(253_402_300_800) {
            return refuse("the head's date is after the year 9999".into());
        }
        Ok(())
    }
}

/// Refuses what is no label: one is 1 to 64 characters, not all blank, none a control character.
///
/// # Errors
/// The fault in one line.
pub fn check_label(label: &str) -> Result<(), String> {
    let characters = label.chars().count();
    if characters > MOST_CHARACTERS {
        return Err(format!(
            "the label {label:?} has {characters} characters; {MOST_CHARACTERS} are the most"
        ));
    }
    if label.trim().is_empty() {
        return Err("a label is blank; give it 1 to 64 characters".into());
    }
    if label.chars().any(is_control) {
        return Err(format!(
            "the label {label:?} has a control character; leave it out"
        ));
    }
    Ok(())
}

/// Refuses a number outside of its range, and NaN.
fn check_number(name: &str, value: f32, range: RangeInclusive<f32>) -> Result<(), Error> {
    if range.contains(&value) {
        return Ok(());
    }
    let (low, high) = (range.start(), range.end());
    Err(Error::Head(format!(
        "the head's {name} is {value} and must be {low} to {high}"
    )))
}

/// The rule by which `observe` claims a label, fitted on examples that were left out. The
/// keys of `[observe]` of the same names replace it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// Smoothed score from which a label is claimed.
    pub threshold: f32,
    /// The published label is kept until its smoothed score falls below this.
    pub release: f32,
    /// How far the first label must lead the second to be claimed.
    pub margin: f32,
}

impl Rule {
    fn check(&self) -> Result<(), Error> {
        // Every label reaches a threshold of 0.
        check_number("threshold", self.threshold, f32::MIN_POSITIVE..=1.0)?;
        check_number("release", self.release, 0.0..=self.threshold)?;
        check_number("margin", self.margin, 0.0..=1.0)
    }
}

/// How good a head was on examples that were left out, whole bursts at a time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Quality {
    /// Balanced accuracy, 0 to 1; None if no label has two bursts.
    pub accuracy: Option<f32>,
    /// The interval that holds the accuracy on other pictures in 95 of 100 cases; 0 to 1 if
    /// nothing is known.
    pub interval: [f32; 2],
    /// One for each label, in order.
    pub classes: Vec<Class>,
    /// What would make the head better, a sentence each.
    pub warnings: Vec<String>,
}

impl Quality {
    fn check(&self, labels: &[String]) -> Result<(), Error> {
        let refuse = |fault: &str| Err(Error::Head(format!("the head's {fault}")));
        let [low, high] = self.interval;
        if !(0.0 <= low && low <= high && high <= 1.0) {
            return refuse("interval of the accuracy is none within 0 to 1");
        }
        let shares = self.classes.iter().filter_map(|class| class.accuracy);
        for share in shares.chain(self.accuracy) {
            check_number("accuracy", share, 0.0..=1.0)?;
        }
        if !self.classes.iter().map(|c| &c.label).eq(labels) {
            return refuse("classes are not its labels");
        }
        let mut confused = self.classes.iter().filter_map(|c| c.confused_with.as_ref());
        if confused.any(|label| !labels.contains(label)) {
            return refuse("classes are confused with one that it does not have");
        }
        let plain = |text: &String| {
            text.chars().count() <= MOST_WARNING_CHARACTERS && !text.chars().any(is_control)
        };
        if self.warnings.len() > MOST_WARNINGS || !self.warnings.iter().all(plain) {
            return refuse("warnings are too many or no plain text");
        }
        Ok(())
    }
}

/// How good a head was on the examples of one label.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Class {
    /// The label.
    pub label: String,
    /// Examples that were taught, near-copies counted once.
    pub examples: u32,
    /// Groups of examples that are near each other in time or alike.
    pub bursts: u32,
    /// Share of its left-out examples that were told right, 0 to 1; None with one burst.
    pub accuracy: Option<f32>,
    /// The label that was told most often instead; None if all were right.
    pub confused_with: Option<String>,
}
