//! Head files: read, written, and refused.

use std::path::Path;

use super::Taught;
use super::format::{decode, encode};
use crate::engine::error::Error;
use crate::engine::hash::HexDigest;
use crate::files;

/// The largest head file that is read: that of [`MOST_LABELS`](super::MOST_LABELS) labels over 2048
/// features is smaller.
const MOST_BYTES: u64 = 4 << 20;

/// Reads the head at `path`; gives it with the SHA-256 of the file.
///
/// # Errors
/// [`Error::Io`] when the file cannot be read, is no regular file or is larger than 4 MiB;
/// [`Error::Model`] when it is no head, is damaged, or is of another version.
pub fn read_head(path: &Path) -> Result<(Taught, HexDigest), Error> {
    let io = |cause| Error::Io {
        path: path.into(),
        cause,
    };
    let bytes = files::read(path, MOST_BYTES).map_err(io)?;
    let taught = decode(&bytes).map_err(|fault| Error::Model {
        path: path.into(),
        message: fault.0,
    })?;
    Ok((taught, HexDigest::of(&bytes)))
}

/// Writes `taught` to `path`, whole or not at all; gives the SHA-256 of the file. The same
/// head gives the same bytes.
///
/// # Errors
/// [`Error::Head`] when it is no whole head, see [`Taught::check`]; [`Error::Write`] when the
/// system refuses. The file from before is then still there.
pub fn write_head(path: &Path, taught: &Taught) -> Result<HexDigest, Error> {
    let bytes = encode(taught)?;
    // The daemon runs as another user than the one who taught.
    files::replace_public(path, &bytes).map_err(|cause| Error::Write {
        path: path.into(),
        cause,
    })?;
    Ok(HexDigest::of(&bytes))
}
