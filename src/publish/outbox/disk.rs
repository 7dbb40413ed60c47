//! The folder in which events wait on disk.
//!
//! Records are appended to files of a fixed size, the segments. A segment is deleted as a whole
//! once none of its events waits any more, so that nothing is written twice. New events are written
//! whole and reach the disk (`fdatasync`) before they count as stored. That an event was
//! acknowledged is noted without waiting for the disk: after a power cut an event may come twice,
//! and none is lost.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::ops::RangeInclusive;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::record::{self, Content, Found};
use super::sizes::segment;
use super::{Batch, Recovered};
use crate::files;

/// The most that is read of one segment: those of the largest outbox are far smaller.
const LONGEST: u64 = 64 << 20;
/// The file whose lock shows that a process uses the folder.
const LOCK: &str = "lock";
/// How the names of segments end.
const EXTENSION: &str = "events";

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FolderError {
    /// Another process has it.
    #[error("is in use by another Goldcrest; give each a folder of its own")]
    InUse,
    /// The system refuses it.
    #[error("cannot be used: {0}; name a folder that this user can write to")]
    Io(#[from] io::Error),
}

/// The folder, which no other process can use meanwhile.
#[derive(Debug)]
pub(crate) struct Disk {
    folder: PathBuf,
    lock: File,
    /// Segments by the number in their names.
    segments: BTreeMap<u64, Segment>,
    /// The segment that records are appended to, which is the last one, and its length.
    open: Option<(File, u64)>,
    next_segment: u64,
    full: u64,
    /// What the last records say is done: all events below a number, and further ones.
    done: (u64, Vec<RangeInclusive<u64>>),
}

/// The numbers of a segment's events, from the first to the last.
#[derive(Debug)]
struct Segment(Option<RangeInclusive<u64>>);

impl Segment {
    fn add(&mut self, number: u64) {
        let numbers = self.0.get_or_insert(number..=number);
        *numbers = *numbers.start().min(&number)..=*numbers.end().max(&number);
    }

    fn holds_any(&self, live: &[RangeInclusive<u64>]) -> bool {
        self.0.as_ref().is_some_and(|numbers| {
            live.iter()
                .any(|l| l.start() <= numbers.end() && numbers.start() <= l.end())
        })
    }
}

impl Disk {
    /// Opens the folder for an outbox of `max_bytes`, and makes it if it is not there. Returns the
    /// events that wait in it.
    ///
    /// # Errors
    /// Another process uses the folder, or it cannot be written to.
    pub(crate) fn open(folder: &Path, max_bytes: usize) -> Result<(Self, Recovered), FolderError> {
        fs::create_dir_all(folder)?;
        let mut disk = Self {
            folder: folder.to_path_buf(),
            lock: take(folder)?,
            segments: BTreeMap::new(),
            open: None,
            next_segment: 1,
            full: segment(max_bytes) as u64,
            done: (0, Vec::new()),
        };
        let recovered = disk.read()?;
        Ok((disk, recovered))
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether somebody removed the folder, or what stands in it, since it was opened. What is
    /// written to a file that has no name any more would be lost.
    pub(crate) fn is_gone(&self) -> bool {
        let open = self.open.as_ref().map(|(file, _)| file);
        let last = self.path(self.next_segment - 1);
        !is_at(&self.lock, &self.folder.join(LOCK)) || open.is_some_and(|file| !is_at(file, &last))
    }

    /// Makes the folder again after it was removed. Every event that waits is then to be written
    /// again.
    ///
    /// # Errors
    /// Another process has made it, or it cannot be made. The folder around it is not made again.
    pub(crate) fn make_again(&mut self) -> Result<(), FolderError> {
        match fs::create_dir(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error.into()),
            _ => {}
        }
        if !is_at(&self.lock, &self.folder.join(LOCK)) {
            self.lock = take(&self.folder)?;
        }
        self.open = None;
        // What another process wrote there meanwhile has other names.
        let names = fs::read_dir(&self.folder)?.map_while(Result::ok);
        let last = names.filter_map(|entry| segment_index(&entry.path())).max();
        self.next_segment = self.next_segment.max(last.map_or(0, |last| last + 1));
        let folder = &self.folder;
        self.segments
            .retain(|index, _| segment_path(folder, *index).exists());
        Ok(())
    }

    /// Reads all segments.
    fn read(&mut self) -> io::Result<Recovered> {
        let mut events = BTreeMap::new();
        let (mut done, mut done_too) = (0, Vec::new());
        let mut damaged = 0;
        for entry in fs::read_dir(&self.folder)? {
            let Some(index) = segment_index(&entry?.path()) else {
                continue;
            };
            let mut bytes = Vec::new();
            let file = files::open(&self.path(index));
            let whole = file.and_then(|file| file.take(LONGEST).read_to_end(&mut bytes));
            let found: Found = record::read(&bytes);
            damaged += found.damaged + u64::from(whole.is_err());
            let mut segment = Segment(None);
            for record in found.records {
                done = done.max(record.done);
                match record.content {
                    Content::Event(number, message) => {
                        segment.add(number);
                        // One that was written again is the same.
                        events.insert(number, message);
                    }
                    Content::Mark(ranges) => done_too.extend(ranges),
                }
            }
            self.segments.insert(index, segment);
            self.next_segment = self.next_segment.max(index + 1);
        }
        let last = events.last_key_value().map_or(0, |(number, _)| *number);
        let last = done_too
            .iter()
            .map(|range| *range.end())
            .fold(last, u64::max);
        let mut events = events.split_off(&done);
        events.retain(|number, _| !done_too.iter().any(|range| range.contains(number)));
        Ok(Recovered {
            damaged,
            next: done.max(last + 1),
            events: events.into_iter().collect(),
        })
    }

    /// Writes the events of `batch`, so that they are on the disk, and notes which ones are done.
    ///
    /// # Errors
    /// Nothing of the batch counts as written. Another call may work again.
    pub(crate) fn write(&mut self, batch: &Batch) -> io::Result<()> {
        self.delete_finished(&batch.live);
        let done = (batch.done, batch.done_out_of_turn());
        if batch.events.is_empty() && (done == self.done || self.segments.is_empty()) {
            return Ok(());
        }
        let mut bytes = Vec::new();
        for (number, message) in &batch.events {
            record::append_event(&mut bytes, *number, batch.done, message);
        }
        if batch.events.is_empty() || !done.1.is_empty() {
            record::append_mark(&mut bytes, done.0, &done.1);
        }
        let index = self.append(&bytes, !batch.events.is_empty())?;
        self.done = done;
        if let Some(segment) = self.segments.get_mut(&index) {
            for (number, _) in &batch.events {
                segment.add(*number);
            }
        }
        self.delete_finished(&batch.live);
        Ok(())
    }

    /// Deletes all segments if no event waits: there is nothing to remember.
    pub(crate) fn finish(&mut self, batch: &Batch) {
        if batch.live.is_empty() {
            self.open = None;
            self.delete_finished(&[]);
        }
    }

    /// Appends `bytes` to the last segment, or to a new one if they do not fit. Returns its index.
    fn append(&mut self, bytes: &[u8], sync: bool) -> io::Result<u64> {
        let fits = |length: u64| length + bytes.len() as u64 <= self.full;
        let open = self.open.take().filter(|(_, length)| fits(*length));
        let (mut file, length) = match open {
            Some(open) => open,
            None => (self.begin_segment()?, 0),
        };
        let written = file.write_all(bytes);
        let written = written.and_then(|()| if sync { file.sync_data() } else { Ok(()) });
        if let Err(error) = written {
            // Without the part of a record that a full disk leaves. Should that fail, the next
            // start passes over it.
            let _ = file.set_len(length);
            return Err(error);
        }
        self.open = Some((file, length + bytes.len() as u64));
        Ok(self.next_segment - 1)
    }

    fn begin_segment(&mut self) -> io::Result<File> {
        let index = self.next_segment;
        let file = File::options()
            .append(true)
            .create_new(true)
            .open(self.path(index))?;
        self.next_segment += 1;
        self.segments.insert(index, Segment(None));
        // So that the name is on the disk too, and no segment that was deleted comes back after it.
        File::open(&self.folder)?.sync_all()?;
        Ok(file)
    }

    /// Deletes the segments without an event that waits, but for the one that is open.
    fn delete_finished(&mut self, live: &[RangeInclusive<u64>]) {
        let open = self.open.is_some().then(|| self.next_segment - 1);
        let folder = &self.folder;
        self.segments.retain(|index, segment| {
            let keep = Some(*index) == open || segment.holds_any(live);
            // One that cannot be deleted is read, and found to be done with, at the next start.
            keep || fs::remove_file(segment_path(folder, *index)).is_err()
        });
    }

    fn path(&self, index: u64) -> PathBuf {
        segment_path(&self.folder, index)
    }
}

/// Takes the lock of the folder, which shows that this process uses it.
fn take(folder: &Path) -> Result<File, FolderError> {
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(folder.join(LOCK))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(FolderError::InUse),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// Whether `path` is the name of this open file.
fn is_at(file: &File, path: &Path) -> bool {
    let named = |one: fs::Metadata| (one.dev(), one.ino());
    match (file.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(found)) => named(open) == named(found),
        _ => false,
    }
}

fn segment_path(folder: &Path, index: u64) -> PathBuf {
    folder.join(format!("{index:016x}.{EXTENSION}"))
}

/// The number in the name of a segment.
fn segment_index(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    let number = name.strip_suffix(EXTENSION)?.strip_suffix('.')?;
    let index = u64::from_str_radix(number, 16).ok()?;
    (number.len() == 16).then_some(index)
}

#[cfg(test)]
mod tests;
