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

/// Puts the picture `jpeg` into `folder` under its `name`, whole or not at all, after it removed the
/// oldest ones beyond `limits`. Only regular files with names that [`Name`] writes count and are
/// removed. Links are not followed.
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
mod tests {
    use std::os::unix::fs::symlink;
    use std::time::{Duration, UNIX_EPOCH};

    use tempfile::TempDir;

    use super::super::name::Kind;
    use super::*;

    const LIMITS: Limits = Limits {
        most: 5,
        max_bytes: 1000,
    };

    fn name(second: u64) -> Name {
        let time = UNIX_EPOCH + Duration::from_secs(1_000_000_000 + second);
        Name::new(time, Kind::Changed, "open", 0.5)
    }

    /// Keeps pictures of these bytes, one a second.
    fn keep_all(folder: &Path, sizes: &[usize], limits: Limits) {
        for (second, &size) in (0..).zip(sizes) {
            keep(folder, &name(second), &vec![1; size], limits).unwrap();
        }
    }

    /// The seconds of the pictures that are there.
    fn seconds(folder: &Path) -> Vec<u64> {
        let there = |&second: &u64| folder.join(name(second).to_string()).exists();
        (0..200).filter(there).collect()
    }

    #[test]
    fn the_oldest_go_first_beyond_either_bound() {
        let folder = TempDir::new().unwrap();
        keep_all(folder.path(), &[10; 8], LIMITS);
        assert_eq!(seconds(folder.path()), [3, 4, 5, 6, 7]);
        keep(folder.path(), &name(8), &[1; 965], LIMITS).unwrap();
        assert_eq!(seconds(folder.path()), [5, 6, 7, 8]);
        keep(folder.path(), &name(9), &[1; 1000], LIMITS).unwrap();
        assert_eq!(seconds(folder.path()), [9]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn lower_bounds_take_effect_with_the_next_picture() {
        let folder = TempDir::new().unwrap();
        let wide = Limits {
            most: 150,
            max_bytes: 10_000,
        };
        keep_all(folder.path(), &[10; 120], wide);
        keep(folder.path(), &name(120), &[1; 10], LIMITS).unwrap();
        assert_eq!(seconds(folder.path()), [116, 117, 118, 119, 120]);
    }

    #[test]
    fn what_is_not_ours_is_neither_counted_nor_removed() {
        let folder = TempDir::new().unwrap();
        let path = folder.path();
        let outside = TempDir::new().unwrap();
        let far = outside.path().join("far.jpg");
        fs::write(&far, [1; 5000]).unwrap();
        fs::write(path.join("holiday.jpg"), [1; 5000]).unwrap();
        symlink(&far, path.join(name(0).to_string())).unwrap();
        fs::create_dir(path.join(name(1).to_string())).unwrap();
        // Sorted by a person, and safe there.
        fs::create_dir(path.join("open")).unwrap();
        fs::write(path.join("open").join(name(2).to_string()), [1; 5000]).unwrap();
        for second in 10..20 {
            keep(path, &name(second), &[1; 10], LIMITS).unwrap();
        }
        assert_eq!(seconds(path), [0, 1, 15, 16, 17, 18, 19]);
        assert!(path.join("holiday.jpg").exists() && far.exists());
        assert_eq!(fs::read_dir(path.join("open")).unwrap().count(), 1);
        assert_eq!(look(path).unwrap().count, 5);
    }

    #[test]
    fn a_link_in_the_way_is_not_written_through() {
        let folder = TempDir::new().unwrap();
        let outside = TempDir::new().unwrap();
        let far = outside.path().join("far.jpg");
        fs::write(&far, b"far").unwrap();
        symlink(&far, folder.path().join(UNFINISHED)).unwrap();
        symlink(&far, folder.path().join(name(0).to_string())).unwrap();
        keep(folder.path(), &name(0), b"new", LIMITS).unwrap();
        assert_eq!(fs::read(&far).unwrap(), b"far");
        let kept = folder.path().join(name(0).to_string());
        assert!(kept.symlink_metadata().unwrap().is_file());
        assert_eq!(fs::read(kept).unwrap(), b"new");
    }

    #[test]
    fn a_picture_that_cannot_be_written_costs_no_other() {
        let folder = TempDir::new().unwrap();
        keep_all(folder.path(), &[10; 5], LIMITS);
        fs::create_dir(folder.path().join(UNFINISHED)).unwrap();
        let refused = keep(folder.path(), &name(5), b"new", LIMITS).unwrap_err();
        assert!(refused.to_string().contains(UNFINISHED), "{refused}");
        assert_eq!(seconds(folder.path()), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_folder_that_vanished_is_made_again() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("a/b");
        assert!(keep(&path, &name(0), b"new", LIMITS).is_err());
        assert!(make(&path).unwrap());
        assert!(!make(&path).unwrap());
        keep(&path, &name(0), b"new", LIMITS).unwrap();
        let file = path.join(name(0).to_string());
        assert!(make(&file).unwrap_err().to_string().contains("open-0.50"));
    }
}
