//! A taught head in the place of the network's own classifier.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::engine::{self, Card, Head, HexDigest, Quality, Taught};
use crate::observe;

/// A taught head and the hash of its file.
#[derive(Clone, Debug)]
pub struct HeadFile {
    /// The content.
    pub taught: Taught,
    /// SHA-256 of the file.
    pub sha256: HexDigest,
}

/// Why a head cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HeadError {
    /// There is no such file.
    #[error("{path}: no such head; name one that is there (model.head, or head of a region), or teach one with `goldcrest teach`", path = .0.display())]
    Missing(PathBuf),
    /// It cannot be read, is damaged, or does not fit the model.
    #[error(transparent)]
    Unfit(#[from] engine::Error),
    /// One of its labels stands for no label.
    #[error(
        "{path}: its label {label:?} is also observe.unknown, and subscribers could not tell them apart; \
         set another text there",
        path = .path.display()
    )]
    Unknown {
        /// The head's file.
        path: PathBuf,
        /// The label.
        label: String,
    },
}

impl HeadFile {
    /// Reads the head at `path` for the model of `card`. `unknown` is published where no label is
    /// claimed.
    ///
    /// # Errors
    /// The head cannot be used; the message names the file.
    pub fn read(path: &Path, card: &Card, unknown: &str) -> Result<Self, HeadError> {
        let (taught, sha256) = engine::read_head(path).map_err(|error| match error {
            engine::Error::Io { path, cause } if cause.kind() == ErrorKind::NotFound => {
                HeadError::Missing(path)
            }
            error => error.into(),
        })?;
        taught.fits(&card.sha256).map_err(|e| named(path, &e))?;
        match taught.labels.iter().find(|label| *label == unknown) {
            Some(label) => Err(HeadError::Unknown {
                path: path.into(),
                label: label.clone(),
            }),
            None => Ok(Self { taught, sha256 }),
        }
    }

    /// The part that an engine runs, and all else.
    pub(crate) fn split(self) -> (Head, HeadInUse) {
        let Taught {
            labels,
            head,
            temperature,
            rule,
            quality,
            scene,
            backbone: _,
            made,
        } = self.taught;
        let head_in_use = HeadInUse {
            labels,
            temperature,
            rule: observe::Rule {
                threshold: rule.threshold,
                release: rule.release,
                margin: rule.margin,
                // Scores that familiarity has lowered do not sum to 1 and have no entropy.
                spread: 0.0,
            },
            quality,
            scene,
            made,
            sha256: self.sha256,
        };
        (head, head_in_use)
    }
}

/// `error` with the head's file in front.
pub(crate) fn named(path: &Path, error: &engine::Error) -> HeadError {
    HeadError::Unfit(engine::Error::Model {
        path: path.into(),
        message: error.to_string(),
    })
}

/// A taught head that an engine runs: all of it but the weights.
#[derive(Clone, Debug)]
pub struct HeadInUse {
    /// One name for each logit, [`NOTHING`](crate::engine::NOTHING) included if it was taught.
    pub labels: Vec<String>,
    /// Logits are divided by it before softmax.
    pub(crate) temperature: f32,
    /// The rule for what `[observe]` does not set.
    pub(crate) rule: observe::Rule,
    /// How good it was on examples that were left out.
    pub(crate) quality: Quality,
    /// A coarse picture of the edges in view; empty for none.
    pub scene: Vec<u8>,
    /// When it was taught.
    pub(crate) made: SystemTime,
    /// SHA-256 of its file.
    pub sha256: HexDigest,
}
