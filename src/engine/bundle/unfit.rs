//! Why a bundle cannot be used.

use std::path::PathBuf;

use crate::engine::digest::HexDigest;

/// Why the bundle that should stand beside a model cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// There is none.
    #[error("no bundle stands beside it")]
    Missing,
    /// Others could have written it.
    #[error("the bundle beside it is {cause}")]
    Distrusted {
        /// The bundle.
        path: PathBuf,
        /// Who, and the remedy.
        cause: std::io::Error,
    },
    /// It is no bundle of this version, or it is damaged.
    #[error("the bundle beside it cannot be used: {path}: {fault}", path = .path.display())]
    Refused {
        /// The bundle.
        path: PathBuf,
        /// Its fault.
        fault: String,
    },
}

/// The fault of a bundle that was packed from the model of SHA-256 `found` instead of `wanted`.
pub(crate) fn other_model(found: &HexDigest, wanted: &HexDigest) -> String {
    format!("it was packed from a model of SHA-256 {found} and model.toml says {wanted}")
}
