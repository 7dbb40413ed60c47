//! From the model's input to its logits.
//!
//! [`Engine`] is the interface that the rest of the daemon sees; what stands behind it is chosen by
//! [`open`]. [`Card`] is what the files beside the model say about it. This module knows no frames
//! and no labels' meaning.

pub mod bundle;
mod card;
mod classifier;
mod config;
pub mod kernels;
mod onnx;
mod ops;
pub mod pack;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;

pub use card::{Card, Input, Resize};
pub use classifier::Classifier;
pub use config::{Config, INSTALLED, locate};
pub use onnx::{Onnx, sha256, verify as verify_file};

use onnx::check_labels;

use std::path::{Path, PathBuf};

use serde::Serialize;

/// A classifier that is ready to run.
pub trait Engine: Send {
    /// Runs the network on one prepared input, f32 `[3, height, width]` row-major (planar RGB,
    /// normalised).
    ///
    /// Returns the logits, one for each label.
    ///
    /// # Errors
    /// [`Error::Run`] when the runtime fails; the engine stays usable.
    fn infer(&mut self, input: &[f32]) -> Result<&[f32], Error>;

    /// What runs, for `check`, `bench` and the health topic.
    fn describe(&self) -> &Description;

    /// Reads everything that [`open`] did not, to see that no byte is damaged.
    ///
    /// # Errors
    /// [`Error::Model`] when one is.
    fn verify(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Gives mapped weights back to the system until they are next used, for a time in which
    /// another engine takes its place.
    fn rest(&self) {}

    /// Runs the network once on a fixed input and compares its logits with those that were stored
    /// when it was packed, bit for bit. Nothing is stored of a model that plain tract runs, and
    /// nothing is compared.
    ///
    /// # Errors
    /// [`Error::Run`] when they differ.
    fn self_test(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

/// What an [`Engine`] is made of.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Description {
    /// The kernel or runtime that does most of the work, such as `tract-onnx`.
    pub kernel: String,
    /// SHA-256 of the ONNX file, in hex.
    pub model_hash: String,
    /// Threads that one inference uses.
    pub threads: usize,
    /// The layers in order, with the arithmetic that each runs in; empty when plain tract decides.
    pub layers: Vec<Layer>,
    /// What the engine holds; None when plain tract decides.
    pub memory: Option<Memory>,
}

/// One layer of a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Layer {
    /// Its name in the ONNX file.
    pub name: String,
    /// What it computes.
    pub op: String,
    /// The kernel that computes it.
    pub kernel: String,
    /// What is multiplied: `u8*s8` or `f32`.
    pub dtype: String,
    /// Multiplications of one inference.
    pub macs: u64,
    /// Bytes of its weights.
    pub weight_bytes: u64,
}

/// Bytes that an engine holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// Mapped from the bundle: file pages that the system may drop and read again.
    pub mapped: usize,
    /// Scratch of the kernels.
    pub arena: usize,
    /// Input, feature maps and logits.
    pub maps: usize,
}

/// Why a model cannot be loaded or run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file that is needed is not there or cannot be read.
    #[error("{path}: {cause}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The model is in none of the places where it is looked for.
    #[error("{path}: no such model, looked for as {tried}; set model.path or make one with model/tools", path = .path.display())]
    Missing {
        /// The model as it was named.
        path: PathBuf,
        /// Where it was looked for.
        tried: String,
    },
    /// A file is there and is not what it should be; the message says what to do.
    #[error("{path}: {message}", path = .path.display())]
    Model {
        /// The file.
        path: PathBuf,
        /// What is wrong with it and what to do.
        message: String,
    },
    /// The engine cannot start as it is asked to; the message says what to do.
    #[error("cannot start the engine: {0}")]
    Setup(#[from] kernels::SetupError),
    /// The runtime failed while it ran.
    #[error("inference failed: {0}")]
    Run(String),
}

impl Error {
    /// The exit code of sysexits.h for a process that this error ends.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Io { .. } | Self::Missing { .. } => 66,
            Self::Model { .. } => 65,
            Self::Setup(_) => 78,
            Self::Run(_) => 70,
        }
    }
}

/// The bundle that [`open`] takes for the model at `path`: itself, or the one that [`bundle::find`]
/// finds.
pub fn packed(path: &Path, card: &Card) -> Option<PathBuf> {
    match path.extension().is_some_and(|e| e == "bundle") {
        true => Some(path.to_path_buf()),
        false => bundle::find(path, &card.sha256),
    }
}

/// Opens the model at `path` with the best engine that can run it, `threads` threads wide.
///
/// That is the int8 engine when a bundle of this model stands beside it or in the user's cache (see
/// [`bundle::find`] and [`pack::pack`]), or when `path` itself is a bundle, and plain tract when
/// not.
///
/// # Errors
/// [`Error::Io`] and [`Error::Model`], each naming the file and what to do.
pub fn open(path: &Path, card: &Card, threads: usize) -> Result<Box<dyn Engine>, Error> {
    if let Some(bundle) = packed(path, card) {
        let beside = path.with_file_name(bundle::NAME);
        if bundle != path && bundle != beside && beside.exists() {
            log::warn!(
                "{} is no bundle of this model that this version reads, and {} is used instead; make it anew with \
                 `goldcrest pack`",
                beside.display(),
                bundle.display()
            );
        }
        return Ok(Box::new(Classifier::open(&bundle, card, threads)?));
    }
    let engine = Onnx::open(path, card)?;
    log::warn!(
        "{} runs through plain tract, in float and on one thread: five to ten times slower and with five times the \
         memory; make a bundle with `goldcrest pack`",
        path.display()
    );
    Ok(Box::new(engine))
}
