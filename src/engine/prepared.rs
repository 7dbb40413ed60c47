//! A packed network that was looked at and not loaded yet.

use std::path::Path;

use goldcrest_kernels::{KernelSet, OVERRIDE, Sizing};

use super::bundle::{Outline, other_model};
use super::card::Card;
use super::classifier::Classifier;
use super::error::Error;
use super::interface::Memory;
use super::need;

/// A bundle that fits its card, and the memory that its engine will hold. Nothing of the weights
/// was read, mapped or allocated, so that whoever keeps a budget can refuse it first.
#[derive(Debug)]
pub struct Prepared {
    outline: Outline,
    kernel: KernelSet,
    sizing: Sizing,
    memory: Memory,
}

impl Prepared {
    /// Looks at the bundle at `path` for `card`, to be run by the best kernels of this processor,
    /// or by those that the environment variable [`OVERRIDE`] names, on `threads` threads.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Bundle`] when the bundle's header or manifest is damaged, or it is
    /// of another model than the card; [`Error::Model`] when the card does not fit it;
    /// [`Error::Setup`] when there are no such kernels.
    pub fn read(path: &Path, card: &Card, threads: usize) -> Result<Self, Error> {
        let wanted = std::env::var(OVERRIDE).ok().filter(|name| !name.is_empty());
        Self::with_kernel(path, card, threads, KernelSet::choose(wanted.as_deref())?)
    }

    /// The same for the given kernels.
    ///
    /// # Errors
    /// As [`Prepared::read`].
    pub(super) fn with_kernel(
        path: &Path,
        card: &Card,
        threads: usize,
        kernel: KernelSet,
    ) -> Result<Self, Error> {
        let outline = Outline::read(path)?;
        let manifest = outline.manifest();
        if manifest.model_sha256 != card.sha256 {
            return Err(Error::Bundle {
                path: path.into(),
                fault: other_model(&manifest.model_sha256, &card.sha256),
                model: None,
            });
        }
        card.check_size(manifest.width, manifest.height)?;
        card.check_labels(manifest.classes)?;
        let sizing = kernel.sizing(threads)?;
        Ok(Self {
            memory: need::memory(&outline, sizing),
            outline,
            kernel,
            sizing,
        })
    }

    /// The memory that the engine will hold, without a taught head.
    pub fn memory(&self) -> Memory {
        self.memory
    }

    /// Threads of the engine, the caller's among them.
    pub fn threads(&self) -> usize {
        self.sizing.threads()
    }

    /// Maps the weights, checks their checksum and allocates the rest.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Bundle`] when the bundle is damaged or was changed meanwhile;
    /// [`Error::Setup`] when threads cannot start; [`Error::Run`] when tract refuses the plan.
    pub fn open(self) -> Result<Classifier, Error> {
        Classifier::of(self.outline.map()?, self.sizing.threads(), self.kernel)
    }
}

impl Classifier {
    /// Opens the bundle at `path` for `card` with the best kernels of this processor, or those that
    /// the environment variable [`OVERRIDE`] names, on `threads` threads.
    ///
    /// # Errors
    /// Those of [`Prepared::read`] and of [`Prepared::open`].
    pub fn open(path: &Path, card: &Card, threads: usize) -> Result<Self, Error> {
        Prepared::read(path, card, threads)?.open()
    }

    /// Opens the bundle at `path` with the given kernels.
    ///
    /// # Errors
    /// As [`Classifier::open`].
    pub fn with_kernel(
        path: &Path,
        card: &Card,
        threads: usize,
        kernel: KernelSet,
    ) -> Result<Self, Error> {
        Prepared::with_kernel(path, card, threads, kernel)?.open()
    }
}
