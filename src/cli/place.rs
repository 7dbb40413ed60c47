//! The place of a file that a command writes.

use std::fmt::Display;
use std::io;
use std::path::Path;

use crate::exit;
use crate::setup::Failure;

/// Refuses a place at which no file can be written, before the work begins. `what` is the file, as
/// in `the head`.
pub(super) fn check(out: &Path, what: &str) -> Result<(), Failure> {
    let refuse = |code, why: &dyn Display| {
        let message = format!("{}: {what} cannot be written here: {why}", out.display());
        Err(Failure::new(code, message))
    };
    match out.metadata() {
        Ok(found) if found.is_dir() => {
            return refuse(exit::USAGE, &"this is a folder; name a file in it");
        }
        Ok(found) if !found.is_file() => return refuse(exit::USAGE, &"it is no regular file"),
        _ => {}
    }
    let folder = match out.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    // It is written beside its place first, as here.
    let Err(e) = tempfile::NamedTempFile::new_in(folder) else {
        return Ok(());
    };
    match e.kind() {
        io::ErrorKind::NotFound => refuse(exit::IO, &"its folder does not exist; make it first"),
        io::ErrorKind::PermissionDenied => refuse(exit::PERMISSION, &io::Error::from(e.kind())),
        kind => refuse(exit::IO, &io::Error::from(kind)),
    }
}
