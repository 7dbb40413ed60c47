//! Which files Goldcrest believes: those that nobody but root and its own user can have written, or
//! can have put in their place.
//!
//! The rule holds for the file, and for each folder and each link on the way to it:
//!
//! - It belongs to root or to the user that Goldcrest runs as.
//! - Nobody else may write to it. A user's own primary group may, because some systems give each
//!   user a group of that kind and make all files writable for it; root's group may not.
//! - A folder in which all may make files, and where nobody may remove those of others (`/tmp`),
//!   may be on the way. What stands in it has to be root's or the user's own.
//!
//! The way is gone step by step, and each check is on an open descriptor, so that no name can be
//! given to another file meanwhile.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{
    FileType, Mode, OFlags, Stat, fstat, open as open_at_start, openat, readlink, readlinkat,
};
use rustix::process::{getegid, geteuid};

use super::distrust::{Distrust, Why, Writers};

/// The most links on the way to a file, as in the kernel.
const LINKS: usize = 40;

/// Write permission of the group, and of all others.
const GROUP: u32 = 0o020;
const OTHERS: u32 = 0o002;
/// In a folder with this bit nobody removes or renames what belongs to others.
const STICKY: u32 = 0o1000;

/// Opens a folder to look at it and to go on from it.
const LOOK: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);

/// Who reads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader {
    pub(super) user: u32,
    pub(super) group: u32,
}

impl Reader {
    /// This process.
    pub(super) fn present() -> Self {
        Self {
            user: geteuid().as_raw(),
            group: getegid().as_raw(),
        }
    }

    /// Whether a file or a folder of `owner` is this reader's, or root's.
    fn owns(self, owner: u32) -> bool {
        owner == 0 || owner == self.user
    }

    /// Who beside its owner may write to `found`, if this reader does not trust them.
    fn writers(self, found: &Stat) -> Option<Writers> {
        let own_group = self.user != 0 && found.st_gid == self.group;
        if found.st_mode & OTHERS != 0 {
            Some(Writers::All)
        } else if found.st_mode & GROUP != 0 && !own_group {
            Some(Writers::Group(found.st_gid))
        } else {
            None
        }
    }
}

/// Opens the regular file at `path` for `reader`.
///
/// # Errors
/// Those of the system, a [`Distrust`], and what is no regular file.
pub(super) fn open(path: &Path, reader: Reader) -> io::Result<File> {
    let mut way = Way::to(path, reader)?;
    while let Some(name) = way.rest.pop_front() {
        if let Some(found) = way.step(name)? {
            return Ok(found);
        }
    }
    Err(irregular())
}

/// Checks that nobody else can add files to the folder at `path`, or remove some.
///
/// # Errors
/// Those of the system, a [`Distrust`], and what is no folder.
pub(super) fn check_folder(path: &Path, reader: Reader) -> io::Result<()> {
    let mut way = Way::to(path, reader)?;
    while let Some(name) = way.rest.pop_front() {
        if way.step(name)?.is_some() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
    }
    way.check_here(false)
}

/// The way to a file.
struct Way {
    reader: Reader,
    /// The folder that was reached.
    here: OwnedFd,
    /// Its path, for errors.
    path: PathBuf,
    /// Names that follow, with those that links stand for.
    rest: VecDeque<OsString>,
    links: usize,
}

impl Way {
    fn to(path: &Path, reader: Reader) -> io::Result<Self> {
        let start = if path.is_absolute() { "/" } else { "." };
        let mut way = Self {
            reader,
            here: open_at_start(start, LOOK | OFlags::DIRECTORY, Mode::empty())?,
            path: if path.is_absolute() { start } else { "" }.into(),
            rest: VecDeque::new(),
            links: 0,
        };
        way.put_before(path);
        Ok(way)
    }

    /// Puts the names of `path` before the rest of the way.
    fn put_before(&mut self, path: &Path) {
        for part in path.components().rev() {
            match part {
                Component::Normal(name) => self.rest.push_front(name.into()),
                Component::ParentDir => self.rest.push_front("..".into()),
                Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
            }
        }
    }

    /// Goes on to `name` in the present folder. Returns the file if it is one and the last.
    fn step(&mut self, name: OsString) -> io::Result<Option<File>> {
        self.check_here(true)?;
        let found = self.open_here(&name, LOOK | OFlags::NOFOLLOW)?;
        let stat = fstat(&found)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Symlink => self.follow(&name, &stat)?,
            FileType::Directory => {
                self.here = found;
                self.path.push(name);
            }
            _ if !self.rest.is_empty() => return Err(io::ErrorKind::NotADirectory.into()),
            // Opening a device may have an effect, and reading a pipe may never end.
            FileType::RegularFile => return self.read(&name).map(Some),
            _ => return Err(irregular()),
        }
        Ok(None)
    }

    fn follow(&mut self, name: &OsStr, link: &Stat) -> io::Result<()> {
        self.links += 1;
        if self.links > LINKS {
            return Err(rustix::io::Errno::LOOP.into());
        }
        if !self.reader.owns(link.st_uid) {
            return Err(self.distrust(name, false, Why::Owner(link.st_uid)));
        }
        let target = match self.below_root(name) {
            Some(path) => readlink(path, Vec::new())?,
            None => readlinkat(&self.here, name, Vec::new())?,
        };
        let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
        if target.is_absolute() {
            self.here = open_at_start("/", LOOK | OFlags::DIRECTORY, Mode::empty())?;
            self.path = "/".into();
        }
        self.put_before(&target);
        Ok(())
    }

    /// Opens the file `name` in the present folder and checks what was opened.
    fn read(&self, name: &OsStr) -> io::Result<File> {
        // Another file may have taken the name meanwhile: without O_NONBLOCK the open would wait
        // for the writer of a FIFO.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = self.open_here(name, flags)?;
        let stat = fstat(&file)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(irregular());
        }
        if !self.reader.owns(stat.st_uid) {
            return Err(self.distrust(name, true, Why::Owner(stat.st_uid)));
        }
        match self.reader.writers(&stat) {
            Some(writers) => Err(self.distrust(name, true, Why::Writers(writers))),
            None => Ok(File::from(file)),
        }
    }

    /// Opens `name` in the present folder.
    fn open_here(&self, name: &OsStr, flags: OFlags) -> io::Result<OwnedFd> {
        let opened = match self.below_root(name) {
            Some(path) => open_at_start(path, flags, Mode::empty()),
            None => openat(&self.here, name, flags, Mode::empty()),
        };
        Ok(opened?)
    }

    /// The whole path of `name`, if the present folder is the root. It leads to the same, because
    /// [`Way::check_here`] has found that nobody else can rename what stands there. QEMU, under
    /// which tests for ARM run, shows a root of its own, and only whole paths lead out of it.
    fn below_root(&self, name: &OsStr) -> Option<PathBuf> {
        (self.path == Path::new("/")).then(|| self.path.join(name))
    }

    /// Checks that nobody else can rename what stands in the present folder. One like `/tmp` will
    /// do if it is `on_the_way`.
    fn check_here(&self, on_the_way: bool) -> io::Result<()> {
        let stat = fstat(&self.here)?;
        if !self.reader.owns(stat.st_uid) {
            return Err(self.distrust(OsStr::new(""), false, Why::Owner(stat.st_uid)));
        }
        let sticky = on_the_way && stat.st_mode & STICKY != 0;
        match self.reader.writers(&stat) {
            Some(writers) if !sticky => {
                Err(self.distrust(OsStr::new(""), false, Why::Writers(writers)))
            }
            _ => Ok(()),
        }
    }

    /// The error about `name` in the present folder, or about the folder itself.
    fn distrust(&self, name: &OsStr, is_file: bool, why: Why) -> io::Error {
        let mut path = self.path.clone();
        if !name.is_empty() {
            path.push(name);
        }
        if path.as_os_str().is_empty() {
            path.push(".");
        }
        let reader = self.reader.user;
        Distrust {
            path,
            is_file,
            reader,
            why,
        }
        .into()
    }
}

/// The error for what is no regular file.
pub(super) fn irregular() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file")
}

#[cfg(test)]
mod tests;
