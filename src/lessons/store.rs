//! The examples of one model, in memory and in their file.
//!
//! An example is appended to the file and reaches the disk (`fdatasync`) before it counts as kept:
//! about a kilobyte, so that a hundred lessons wear the flash little. The newest is taken back by
//! making the file shorter. Whatever else changes replaces the file as a whole. A kill or a power
//! cut leaves all examples that were kept, and of the one under way nothing or part of a record,
//! which the next start finds by its checksum.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::fitting::{self, LABELS};
use super::folder::{Error, Folder, set_aside};
use super::record::{self, Example, Found, HEADER};
use crate::files;

/// The most examples that any configuration allows, and half as many damaged ones.
const MOST: u64 = 3000;

/// The most bytes that are read of a file of examples with features of `features` bytes.
pub(super) fn largest_file(features: usize) -> u64 {
    HEADER as u64 + MOST * record::largest(features) as u64
}

/// Why an example is not kept.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// There are as many as are allowed.
    #[error(
        "{0} examples are kept, which is teach.max_examples; forget a label, undo, or set more"
    )]
    Full(usize),
    /// There are as many labels as are allowed.
    #[error("{LABELS} labels are taught, and there can be no more; forget one first")]
    Labels,
    /// The file cannot be written.
    #[error("{}: {cause}; nothing was taught", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

/// The examples of one model.
#[derive(Debug)]
pub(super) struct Store {
    path: PathBuf,
    backbone: String,
    /// Bytes of the features of one example.
    features: usize,
    most: usize,
    examples: Vec<Example>,
    /// Where the record of each example begins.
    starts: Vec<u64>,
    /// The file's length.
    length: u64,
    /// The file, to append to; without it, the next change replaces the file.
    file: Option<File>,
}

impl Store {
    /// Reads the examples of the model `backbone`, with features of `features` bytes, of which at
    /// most `most` are kept. Returns a line for each thing that the user should know.
    ///
    /// Damaged records are passed over, and the file with them is kept under another name.
    ///
    /// # Errors
    /// The file cannot be read, or has more examples.
    pub fn open(
        folder: &Folder,
        backbone: &str,
        features: usize,
        most: usize,
    ) -> Result<(Self, Vec<String>), Error> {
        let path = folder.examples(backbone);
        let mut store = Self {
            backbone: backbone.into(),
            features,
            most,
            examples: Vec::with_capacity(most),
            starts: Vec::with_capacity(most),
            length: 0,
            file: None,
            path,
        };
        let path = &store.path;
        let bytes = match files::read(path, largest_file(features)) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok((store, Vec::new())),
            Err(cause) => return Err(Error::io(path, cause)),
        };
        let mut notes = Vec::new();
        if !bytes.starts_with(&record::header(backbone, features)) {
            let copy = set_aside(path, &bytes).map_err(|cause| Error::io(path, cause))?;
            notes.push(format!(
                "{} is no file of examples of this model and is kept as {}; nothing is taught yet",
                path.display(),
                copy.display()
            ));
            return Ok((store, notes));
        }
        let found = record::read(&bytes, features);
        if found.examples.len() > most {
            return Err(Error::TooMany {
                path: path.clone(),
                found: found.examples.len(),
                most,
            });
        }
        store.length = bytes.len() as u64;
        notes.extend(store.take(found, &bytes));
        Ok((store, notes))
    }

    /// Takes over what the file held. Returns a line about what is damaged.
    fn take(&mut self, found: Found, bytes: &[u8]) -> Option<String> {
        let Found { examples, damaged } = found;
        let (starts, examples): (Vec<_>, Vec<_>) = examples.into_iter().unzip();
        self.starts.extend(starts);
        self.examples.extend(examples);
        self.file = append_to(&self.path).ok();
        let first = damaged.first()?;
        let kept = match set_aside(&self.path, bytes) {
            // With a copy, what is damaged need not be read again at each start.
            Ok(copy) => self.replace(&self.examples.clone()).map(|()| copy),
            Err(e) => Err(e),
        };
        let damage = format!(
            "{}: {} of its records damaged, the first at byte {}, by a power cut or by the disk; the other {} \
             examples are used",
            self.path.display(),
            match damaged.len() {
                1 => "one".to_string(),
                places => format!("{places} places"),
            },
            first.start,
            self.examples.len()
        );
        Some(match kept {
            Ok(copy) => format!("{damage}, and the file is kept as {}", copy.display()),
            Err(e) => format!("{damage}; no copy of the file could be made: {e}"),
        })
    }

    /// The examples, oldest first.
    pub fn examples(&self) -> &[Example] {
        &self.examples
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps another example. It is on the disk when this returns.
    ///
    /// # Errors
    /// There is no room for it, in number or on the disk. Nothing changes.
    pub fn add(&mut self, example: Example) -> Result<(), Refusal> {
        if self.examples.len() >= self.most {
            return Err(Refusal::Full(self.most));
        }
        let mut labels: Vec<&str> = self.examples.iter().map(|e| e.label.as_str()).collect();
        labels.sort_unstable();
        labels.dedup();
        if labels.len() >= LABELS && !labels.contains(&example.label.as_str()) {
            return Err(Refusal::Labels);
        }
        let written = match self.file {
            Some(_) => self.append(&example),
            None => {
                let all = self.examples.iter().chain([&example]).cloned();
                self.replace(&all.collect::<Vec<_>>())
            }
        };
        written.map_err(|cause| Refusal::Io {
            path: self.path.clone(),
            cause,
        })?;
        self.examples.push(example);
        Ok(())
    }

    /// Takes the newest example back, and returns it; `None` if there is none.
    ///
    /// # Errors
    /// The file cannot be written. Nothing changes.
    pub fn undo(&mut self) -> io::Result<Option<Example>> {
        let Some((_, left)) = self.examples.split_last() else {
            return Ok(None);
        };
        let left = left.to_vec();
        match (&self.file, self.starts.last()) {
            (Some(file), Some(start)) => {
                let start = *start;
                match file.set_len(start).and_then(|()| file.sync_all()) {
                    Ok(()) => {
                        self.length = start;
                        self.starts.pop();
                    }
                    Err(_) => self.replace(&left)?,
                }
            }
            _ => self.replace(&left)?,
        }
        Ok(self.examples.pop())
    }

    /// Takes all examples of a label back. Returns them.
    ///
    /// # Errors
    /// The file cannot be written. Nothing changes.
    pub fn forget(&mut self, label: &str) -> io::Result<Vec<Example>> {
        let all = self.examples.iter().cloned();
        let (gone, left): (Vec<_>, Vec<_>) = all.partition(|example| example.label == label);
        if !gone.is_empty() {
            self.replace(&left)?;
            self.examples.clear();
            self.examples.extend(left);
        }
        Ok(gone)
    }

    /// Appends the record of `example` to the file.
    fn append(&mut self, example: &Example) -> io::Result<()> {
        let Some(file) = &mut self.file else {
            return Err(ErrorKind::NotFound.into());
        };
        let mut bytes = Vec::with_capacity(record::largest(self.features));
        record::append(&mut bytes, example);
        let written = file.write_all(&bytes).and_then(|()| file.sync_data());
        if let Err(error) = written {
            // Without the part of a record that a full disk leaves.
            if file.set_len(self.length).is_err() {
                self.file = None;
            }
            return Err(error);
        }
        self.starts.push(self.length);
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Puts a file with `examples` in the place of the present one.
    fn replace(&mut self, examples: &[Example]) -> io::Result<()> {
        let mut bytes = record::header(&self.backbone, self.features);
        let mut starts = Vec::with_capacity(self.most);
        for example in examples {
            starts.push(bytes.len() as u64);
            record::append(&mut bytes, example);
        }
        // What is open is the file from before.
        self.file = None;
        files::replace(&self.path, &bytes)?;
        (self.starts, self.length) = (starts, bytes.len() as u64);
        self.file = append_to(&self.path).ok();
        Ok(())
    }
}

/// Bytes that a store of at most `most` examples takes.
pub(super) fn memory(most: usize) -> usize {
    file_memory(most) + most * (size_of::<Example>() + size_of::<u64>())
}

/// Bytes that its file takes while it is read, or written as a whole.
pub(super) fn file_memory(most: usize) -> usize {
    HEADER + most * record::largest(fitting::bytes(fitting::WIDTH))
}

fn append_to(path: &Path) -> io::Result<File> {
    File::options().append(true).open(path)
}

#[cfg(test)]
mod tests;
