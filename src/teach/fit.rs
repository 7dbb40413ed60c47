//! From examples to a head.

use std::time::SystemTime;

use super::{Error, Examples};
use crate::engine::Taught;

/// What a head holds beside what is fitted.
#[derive(Clone, Debug)]
pub struct Options {
    /// SHA-256 of the ONNX file whose features the examples are, in hex.
    pub backbone: String,
    /// The date of the head.
    pub made: SystemTime,
    /// A coarse picture of the edges in view; empty for none.
    pub scene: Vec<u8>,
}

/// Bytes that [`fit`] takes at most for so many examples of so many labels with `width` features,
/// beside the examples and the head that it gives.
pub fn memory(examples: usize, labels: usize, width: usize) -> usize {
    examples * labels * width
}

/// Fits a head to `examples` and tells how good it is.
///
/// # Errors
/// [`Error::Empty`], [`Error::OnlyNothing`].
pub fn fit(examples: &Examples, options: &Options) -> Result<Taught, Error> {
    let _ = options;
    if examples.is_empty() {
        return Err(Error::Empty);
    }
    Err(Error::Empty)
}
