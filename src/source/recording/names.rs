//! The names of a folder's pictures in natural order, in bounded memory.
//!
//! A window holds the next names. Once it is used up, the folder is read again for the names that
//! follow, so that a folder of any size takes the same memory.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use super::folder::{Entry, natural, visit};
use super::manifest;
use crate::frame::Captured;

/// The most bytes of the names that are held at once; some three thousand names of frames.
pub(super) const WINDOW: usize = 256 << 10;

/// The pictures of a folder, one name after the other.
pub(super) struct Names {
    folder: PathBuf,
    /// Bytes that the window may take; at least one name is held.
    room: usize,
    /// The next names, in order.
    window: Vec<Name>,
    next: usize,
    /// Whether the window begins with the folder's first name.
    first: bool,
    /// Names behind the window, when the folder was last read.
    behind: u64,
    /// Names that a later reading of the folder did not find any more.
    gone: u64,
    /// All names, at the first reading.
    pub total: u64,
    /// The other entries, at the first reading.
    pub others: Others,
}

/// The entries of a folder that are no frames.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Others {
    /// Entries that are no pictures.
    pub entries: u64,
    /// Pictures in formats that Goldcrest does not read, by their names' endings.
    pub foreign: u64,
    /// One of those.
    pub example: Option<OsString>,
}

/// One picture's name, and when it was captured, where the manifest lists it.
#[derive(Debug)]
pub(super) struct Name {
    pub name: OsString,
    pub captured: Option<Captured>,
}

impl Names {
    /// Reads the names of `folder` for the first time.
    pub fn new(folder: &Path, room: usize) -> io::Result<Self> {
        let mut names = Self {
            folder: folder.into(),
            room,
            window: Vec::new(),
            next: 0,
            first: true,
            behind: 0,
            gone: 0,
            total: 0,
            others: Others::default(),
        };
        let (found, others) = names.fill(None)?;
        (names.total, names.others) = (found, others);
        Ok(names)
    }

    /// The next name; `None` behind the last one.
    pub fn next(&mut self) -> io::Result<Option<&Name>> {
        if self.next == self.window.len() && self.behind > 0 {
            let last = self.window.pop().map(|last| last.name);
            let behind = self.behind;
            let (found, _) = self.fill(last)?;
            self.gone += behind.saturating_sub(found);
        }
        let name = self.window.get(self.next);
        self.next += usize::from(name.is_some());
        Ok(name)
    }

    /// Goes back to the first name.
    pub fn rewind(&mut self) -> io::Result<()> {
        if !self.first {
            let (found, _) = self.fill(None)?;
            self.gone += self.total.saturating_sub(found);
        }
        self.next = 0;
        Ok(())
    }

    /// How many names vanished since this was last asked.
    pub fn take_gone(&mut self) -> u64 {
        std::mem::take(&mut self.gone)
    }

    /// Whether the folder has more names than the window holds.
    pub fn beyond_window(&self) -> bool {
        !self.first || self.behind > 0
    }

    /// Fills the window with the names that follow `last`. Returns how many follow it, and the
    /// other entries.
    fn fill(&mut self, last: Option<OsString>) -> io::Result<(u64, Others)> {
        self.window = Vec::new();
        let mut window = BinaryHeap::new();
        let mut others = Others::default();
        let (mut found, mut bytes) = (0, 0);
        // The least name that found no room: neither it nor a greater one is taken in.
        let mut beyond: Option<OsString> = None;
        visit(&self.folder, |entry| {
            let name = match entry {
                Entry::Picture(name) => name,
                Entry::Foreign(name) => {
                    others.foreign += 1;
                    others.example.get_or_insert(name);
                    return;
                }
                Entry::Other => {
                    others.entries += 1;
                    return;
                }
            };
            if last
                .as_ref()
                .is_some_and(|last| natural(&name, last).is_le())
            {
                return;
            }
            found += 1;
            if beyond
                .as_ref()
                .is_some_and(|least| natural(&name, least).is_ge())
            {
                return;
            }
            let name = Name {
                name,
                captured: None,
            };
            bytes += name.bytes();
            window.push(name);
            while bytes > self.room && window.len() > 1 {
                if let Some(greatest) = window.pop() {
                    bytes -= greatest.bytes();
                    beyond = Some(greatest.name);
                }
            }
        })?;
        self.window = window.into_sorted_vec();
        self.window.shrink_to_fit();
        self.date()?;
        (self.next, self.first) = (0, last.is_none());
        self.behind = found - self.window.len() as u64;
        Ok((found, others))
    }

    /// Notes the times that the manifest gives for the names of the window.
    fn date(&mut self) -> io::Result<()> {
        let window = &mut self.window;
        manifest::visit(&self.folder, self.total == 0, |file, captured| {
            let at = window.binary_search_by(|name| natural(&name.name, OsStr::new(file)));
            if let Ok(at) = at {
                window[at].captured = Some(captured);
            }
        })
        .map(drop)
    }
}

impl Name {
    /// What it takes in the window, with what the allocator keeps for it.
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.name.len() + 16
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        natural(&self.name, &other.name)
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Name {}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use tempfile::TempDir;

    /// A folder of 300 pictures whose names differ in case, zeros and length.
    fn folder() -> (TempDir, Vec<String>) {
        let folder = TempDir::new().unwrap();
        let mut names: Vec<String> = (0..100)
            .flat_map(|n| {
                let other = if n % 2 == 0 { "Frame" } else { "frame" };
                [
                    format!("f_{n}.jpg"),
                    format!("f_{n:04}.jpg"),
                    format!("{other}{}b{n}.png", 100 - n),
                ]
            })
            .collect();
        for name in &names {
            fs::write(folder.path().join(name), b"").unwrap();
        }
        names.sort_by(|a, b| natural(a.as_ref(), b.as_ref()));
        (folder, names)
    }

    fn all(names: &mut Names) -> Vec<String> {
        let mut all = Vec::new();
        while let Some(name) = names.next().unwrap() {
            all.push(name.name.to_str().unwrap().to_string());
        }
        all
    }

    #[test]
    fn a_small_window_gives_the_same_order_as_a_large_one() {
        let (folder, want) = folder();
        for room in [1, 200, 1000, 1 << 20] {
            let mut names = Names::new(folder.path(), room).unwrap();
            assert_eq!(names.total, 300);
            assert_eq!(all(&mut names), want, "{room} bytes");
            names.rewind().unwrap();
            assert_eq!(all(&mut names), want, "{room} bytes, again");
            assert_eq!(names.take_gone(), 0);
        }
    }

    #[test]
    fn names_that_vanish_between_two_passes_are_counted() {
        let (folder, want) = folder();
        let mut names = Names::new(folder.path(), 1000).unwrap();
        names.next().unwrap();
        for name in &want[100..140] {
            fs::remove_file(folder.path().join(name)).unwrap();
        }
        assert_eq!(all(&mut names).len(), 300 - 1 - 40);
        assert_eq!((names.take_gone(), names.take_gone()), (40, 0));
    }

    #[test]
    fn the_window_holds_no_more_than_its_room() {
        let (folder, _) = folder();
        let mut names = Names::new(folder.path(), 2000).unwrap();
        while names.next().unwrap().is_some() {
            let held: usize = names.window.iter().map(Name::bytes).sum();
            assert!(held <= 2000, "{held}");
            assert!(names.window.capacity() * size_of::<Name>() <= 2000);
        }
    }
}
