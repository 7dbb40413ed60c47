//! The SHA-256 of a model file.

use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::card::Card;
use super::digest::HexDigest;
use super::error::Error;
use crate::files;

/// Refuses the file at `path` if its SHA-256 is not the card's.
///
/// # Errors
/// [`Error::Model`]; [`Error::Io`] when it cannot be read.
pub(crate) fn verify_file(path: &Path, card: &Card) -> Result<(), Error> {
    let found = sha256(path)?;
    if found == card.sha256 {
        return Ok(());
    }
    Err(Error::Model {
        path: path.into(),
        message: format!(
            "its SHA-256 is {found} and model.toml says {}: the file is damaged or is another model; \
             restore it, or write the new hash into model.toml",
            card.sha256
        ),
    })
}

/// SHA-256 of the file at `path`.
///
/// # Errors
/// [`Error::Io`] when it cannot be read.
pub fn sha256(path: &Path) -> Result<HexDigest, Error> {
    let io = |cause| Error::Io {
        path: path.into(),
        cause,
    };
    let mut file = files::open(path).map_err(io)?;
    let mut hash = Sha256::new();
    let mut buffer = [0; 1 << 14];
    loop {
        match file.read(&mut buffer).map_err(io)? {
            0 => break,
            n => hash.update(&buffer[..n]),
        }
    }
    Ok(HexDigest::from_bytes(&hash.finalize().into()))
}
