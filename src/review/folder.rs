//! The folder of kept pictures, within its bounds.

use std::collections::BinaryHeap;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::mem;
use std::path::{Path, PathBuf};

use rustix::fs::Access;

use super::name::Name;
use crate::exit;

/// The name of a picture until all of it is on the disk.
pub(super) const UNFINISHED: &str = ".unfinished";
/// The oldest pictures whose names are held at once.
const BATCH: usize = 32;

/// How much a folder may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// The most pictures.
    pub(super) most: usize,
    /// The most bytes of pictures.
    pub(super) max_bytes: u64,
}

/// The pictures of a folder. Nothing is remembered between two looks, so pictures that a person
/// takes out or puts in count as they are.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// Pictures.
    pub(super) count: usize,
    /// Bytes of all.
    pub(super) bytes: u64,
    /// The oldest ones, at most [`BATCH`], the oldest first, each with its bytes.
    oldest: Vec<(String, u64)>,
}

impl Held {
    /// Whether one more picture, of `bytes`, fits into `limits`.
    fn has_room(&self, bytes: u64, limits: Limits) -> bool {
        self.count < limits.most && self.bytes + bytes <= limits.max_bytes
    }
}

/// A file or folder that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {cause}", path.display())]
pub(crate) struct Error {
    path: PathBuf,
    cause: io::Error,
}

impl Error {
    /// The exit code of a command that cannot go on without the folder.
    pub(crate) fn exit_code(&self) -> u8 {
        match self.cause.kind() {
            ErrorKind::PermissionDenied => exit::PERMISSION,
            _ => exit::IO,
        }
    }

    fn of(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |cause| Self { path, cause }
    }
}

/// Makes `folder` and those above it, if it is not there. Returns whether it made it.
pub(super) fn make(folder: &Path) -> Result<bool, Error> {
    if folder.is_dir() {
        return Ok(false);
    }
    fs::create_dir_all(folder).map_err(Error::of(folder))?;
    Ok(true)
}

/// Looks what `folder` holds, and tries, without a change, if it can be written to. One that is not
/// there must be one that can be made.
pub(super) fn probe(folder: &Path) -> Result<Held, Error> {
    let existing = folder.ancestors().find(|path| path.exists());
    let existing = existing.unwrap_or(Path::new("."));
    let access = Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK;
    let found = if existing.is_dir() {
        rustix::fs::access(existing, access)
    } else {
        Err(rustix::io::Errno::NOTDIR)
    };
    found.map_err(|e| Error::of(folder)(e.into()))?;
    if existing == folder {
        look(folder)
    } else {
        Ok(Held::default())
    }
}

/// Puts the picture `jpeg` into `folder` under its `name`, whole or not at all, after it removed
/// the oldest ones beyond `limits`. Only regular files with names that [`Name`] writes count and
/// are removed. Links are not followed.
///
/// # Errors
/// The picture cannot be written, or an old one cannot be removed. A disk that is full costs no
/// older picture.
pub(super) fn keep(folder: &Path, name: &Name, jpeg: &[u8], limits: Limits) -> Result<(), Error> {
    let unfinished = folder.join(UNFINISHED);
    let kept = write(&unfinished, jpeg)
        .map_err(Error::of(&unfinished))
        .and_then(|()| make_room(folder, jpeg.len() as u64, limits))
        .and_then(|()| {
            let path = folder.join(name.to_string());
            fs::rename(&unfinished, &path).map_err(Error::of(&path))
        });
    if kept.is_err() {
        // The first error tells what is wrong.
        let _ = fs::remove_file(&unfinished);
    }
    kept
}

/// Writes a new file and waits until it is on the disk.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    // A new file is no link that leads elsewhere.
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Removes the oldest pictures until one of `bytes` more fits into `limits`.
fn make_room(folder: &Path, bytes: u64, limits: Limits) -> Result<(), Error> {
    loop {
        let mut held = look(folder)?;
        let oldest = mem::take(&mut held.oldest);
        if oldest.is_empty() {
            return Ok(());
        }
        for (name, size) in oldest {
            if held.has_room(bytes, limits) {
                return Ok(());
            }
            let path = folder.join(name);
            match fs::remove_file(&path) {
                Err(e) if e.kind() != ErrorKind::NotFound => return Err(Error::of(&path)(e)),
                _ => {}
            }
            held.count -= 1;
            held.bytes -= size;
        }
    }
}

/// Looks through `folder`.
pub(super) fn look(folder: &Path) -> Result<Held, Error> {
    let mut held = Held::default();
    let mut oldest = BinaryHeap::new();
    for entry in fs::read_dir(folder).map_err(Error::of(folder))? {
        let entry = entry.map_err(Error::of(folder))?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        if Name::parse(&name).is_none() {
            continue;
        }
        // Of the entry itself, which may be a link. It may have vanished meanwhile.
        let Ok(found) = entry.metadata() else {
            continue;
        };
        if !found.is_file() {
            continue;
        }
        held.count += 1;
        held.bytes += found.len();
        oldest.push((name, found.len()));
        if oldest.len() > BATCH {
            oldest.pop();
        }
    }
    held.oldest = oldest.into_sorted_vec();
    Ok(held)
}

#[cfg(test)]
mod tests;
