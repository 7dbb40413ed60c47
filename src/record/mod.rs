//! Writing frames as a recording: JPEG as it came, raw pictures as lossless PNG, and a manifest of
//! them all. With privacy masks, JPEG becomes PNG too.

mod encoder;
mod folder;
mod recorder;

use std::io;
use std::path::PathBuf;

use crate::frame;

pub(crate) use encoder::Encoder;
pub(crate) use folder::{check_vacant, place};
pub(crate) use recorder::Recorder;

/// Bounds of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Most bytes to write.
    pub max_bytes: u64,
    /// Bytes of the disk to leave free.
    pub keep_free: u64,
}

/// Whether a frame was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// It was.
    Whole,
    /// It was not: the recording would have had so many bytes, more than [`Limits::max_bytes`].
    Beyond(u64),
}

/// Why a recording cannot go on. The files already written are complete and stay.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The folder is not empty.
    #[error("{}: this folder is not empty; name a new one or an empty one", .0.display())]
    NotEmpty(PathBuf),
    /// The path leads to or through something else than a folder.
    #[error("{}: this is not a folder; name a new one or an empty one", .0.display())]
    NotFolder(PathBuf),
    /// The disk has only the room that must stay free.
    #[error(
        "{path}: {free} MiB are free on this disk and {keep} MiB must stay free (--keep-free): recording ends",
        path = .path.display()
    )]
    Full {
        /// The folder.
        path: PathBuf,
        /// MiB that are free.
        free: u64,
        /// MiB that must stay free.
        keep: u64,
    },
    /// Writing failed.
    #[error("{path}: cannot be written: {cause}", path = .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        cause: io::Error,
    },
    /// The frame is not a picture; the next one may be.
    #[error(transparent)]
    Frame(#[from] frame::Error),
}

#[cfg(test)]
mod tests;
