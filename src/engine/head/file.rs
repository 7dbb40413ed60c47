//! Head files: read, written, and refused.

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::Taught;
use super::format::{HEADER, claimed, decode, encode};
use crate::engine::digest::HexDigest;
use crate::engine::error::Error;
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

/// The bytes that the head at `path` holds once it is read, by the numbers of features and labels
/// that its first bytes claim; 0 if they are not those of a head.
///
/// # Errors
/// [`Error::Io`] when the file cannot be read.
pub(crate) fn head_bytes(path: &Path) -> Result<usize, Error> {
    let start = || {
        let mut options = OpenOptions::new();
        // Without O_NONBLOCK, the open itself waits for the writer of a FIFO.
        let file = options
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(path)?;
        let mut start = Vec::with_capacity(HEADER);
        if file.metadata()?.is_file() {
            file.take(HEADER as u64).read_to_end(&mut start)?;
        }
        Ok(start)
    };
    let start = start().map_err(|cause| Error::Io {
        path: path.into(),
        cause,
    })?;
    Ok(claimed(&start).unwrap_or(0))
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
