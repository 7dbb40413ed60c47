//! The picture of a frame that may be picked, of a recording that comes once.

use std::fs;
use std::path::{Path, PathBuf};

/// A file that is deleted with this value, unless it has another name by then.
#[derive(Debug)]
pub(super) struct Held(PathBuf);

impl Held {
    /// Has the file at `path` deleted in the end.
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // One that was picked is not there any more.
        let _ = fs::remove_file(&self.0);
    }
}
