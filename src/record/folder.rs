//! The folder that pictures are written to, and how a file gets into it whole.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use rustix::fs::{Access, CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::Error;

/// Refuses `folder` unless it is empty or can be created. Creates nothing.
///
/// # Errors
/// [`Error::NotFolder`], [`Error::NotEmpty`] or [`Error::Io`].
pub(crate) fn check_vacant(folder: &Path) -> Result<(), Error> {
    let existing = existing(folder)?;
    if existing == folder {
        check_empty(folder)?;
    }
    let access = Access::WRITE_OK | Access::EXEC_OK;
    rustix::fs::access(existing, access).map_err(|e| Error::Io {
        path: existing.into(),
        cause: e.into(),
    })
}

/// The folder of `folder` and those above it that exists.
pub(super) fn existing(folder: &Path) -> Result<&Path, Error> {
    for path in folder.ancestors() {
        // The last ancestor of a relative path is empty.
        let path = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        match path.metadata() {
            Ok(found) if found.is_dir() => return Ok(path),
            Err(e) if e.kind() == io::ErrorKind::NotFound && !path.is_symlink() => {}
            Err(cause) if cause.kind() != io::ErrorKind::NotADirectory => {
                let path = path.into();
                return Err(Error::Io { path, cause });
            }
            // A file, also one further up.
            _ => return Err(Error::NotFolder(folder.into())),
        }
    }
    // The root exists, and so does the folder of this process.
    Ok(folder)
}

/// Refuses a folder that is not empty.
pub(super) fn check_empty(folder: &Path) -> Result<(), Error> {
    let mut entries = fs::read_dir(folder).map_err(|cause| Error::Io {
        path: folder.into(),
        cause,
    })?;
    match entries.next() {
        None => Ok(()),
        Some(_) => Err(Error::NotEmpty(folder.into())),
    }
}

/// Writes `data` so that `path` is either complete or does not exist, after a power cut too.
/// `unfinished` is its name until then. No link is followed, and no file that is there replaced.
///
/// # Errors
/// Those of the system, and a file at either name. What this call wrote is then not left.
pub(crate) fn place(unfinished: &Path, path: &Path, data: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(unfinished)?;
    let written = file
        .write_all(data)
        // A file system may write the name before the content.
        .and_then(|()| file.sync_data())
        .and_then(|()| rename_to_new(unfinished, path));
    if written.is_err() {
        // The first error tells what is wrong.
        let _ = fs::remove_file(unfinished);
    }
    written
}

/// Renames `from` to `to`, which must not be there.
fn rename_to_new(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // The file system, NFS for one, does not know how.
        Err(Errno::INVAL | Errno::NOSYS) if to.symlink_metadata().is_err() => fs::rename(from, to),
        Err(Errno::INVAL | Errno::NOSYS) => Err(io::ErrorKind::AlreadyExists.into()),
        renamed => Ok(renamed?),
    }
}

/// Has the names in `folder` on the disk.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
