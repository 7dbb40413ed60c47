//! Features of frames that were taught before, beside the pictures.
//!
//! A frame is known again by its bytes, wherever its file was moved: whoever sorts a picture into
//! another label's folder has it taught from the cache. The file is bound to the model and to all
//! that changes a frame on its way to the model. A file with anything wrong is replaced.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::engine::Input;
use crate::files;
use crate::frame::Frame;
use crate::vision;

/// The file's name in the folder of examples.
const NAME: &str = ".goldcrest-features";
/// How the file begins; its last byte is the version of the format.
const MAGIC: &[u8; 16] = b"gcrest-features\x01";
/// The most frames that are read from it.
const MOST: usize = 50_000;

/// The first bytes of the SHA-256 of a frame.
pub(super) type Key = [u8; 16];

/// Features of frames, by what the frames hold.
pub(super) struct Cache {
    /// The file, if there is to be one.
    path: Option<PathBuf>,
    /// What all features of the file depend on.
    settings: [u8; 32],
    width: usize,
    known: HashMap<Key, Known>,
    /// Whether the file lacks what is known, or holds what is not needed.
    stale: bool,
}

struct Known {
    features: Box<[f32]>,
    /// Whether a frame of this run has them.
    used: bool,
}

/// What a frame's features depend on besides the frame: the model and the way to its input.
pub(super) fn settings(model: &str, vision: &vision::Config, input: &Input) -> [u8; 32] {
    // Another version may decode or resize in another way.
    let version = env!("CARGO_PKG_VERSION");
    Sha256::digest(format!("{version} {model} {vision:?} {input:?}")).into()
}

/// The key of a frame: of its bytes, and of what they mean.
pub(super) fn key(frame: &Frame) -> Key {
    let mut hash = Sha256::new();
    let (format, orientation, colour) = (frame.format, frame.orientation, frame.colour);
    let (width, height, stride) = (frame.width, frame.height, frame.stride);
    hash.update(format!(
        "{format} {width} {height} {stride} {orientation:?} {colour:?} "
    ));
    hash.update(&*frame.data);
    let hash: [u8; 32] = hash.finalize().into();
    let mut key = Key::default();
    key.copy_from_slice(&hash[..size_of::<Key>()]);
    key
}

impl Cache {
    /// Nothing yet, and without a file, with `width` features a frame.
    pub fn new(settings: [u8; 32], width: usize) -> Self {
        Self {
            path: None,
            settings,
            width,
            known: HashMap::new(),
            stale: false,
        }
    }

    /// What is kept in `folder` for these `settings`, with `width` features a frame. Nothing, if
    /// the file is damaged or of other settings.
    pub fn open(folder: &Path, settings: [u8; 32], width: usize) -> Self {
        let mut cache = Self::new(settings, width);
        let path = folder.join(NAME);
        if let Err(e) = cache.read(&path) {
            cache.known.clear();
            cache.stale = true;
            if e.kind() != io::ErrorKind::NotFound {
                log::info!("{}: {e}; writing another", path.display());
            }
        }
        cache.path = Some(path);
        cache
    }

    /// Whether the features are kept for the next run.
    pub fn has_file(&self) -> bool {
        self.path.is_some()
    }

    /// Whether the features of the frame with this key are known; they are needed then.
    pub fn knows(&mut self, key: &Key) -> bool {
        let known = self.known.get_mut(key);
        known.map(|known| known.used = true).is_some()
    }

    /// The features of the frame with this key, if they are known.
    pub fn get(&self, key: &Key) -> Option<&[f32]> {
        Some(&self.known.get(key)?.features)
    }

    /// Adds the features of the frame with this key.
    pub fn add(&mut self, key: Key, features: &[f32]) {
        self.stale = true;
        let known = Known {
            features: features.into(),
            used: true,
        };
        self.known.insert(key, known);
    }

    /// Writes the file, if it is not what it should be. Features that no frame of this run had are
    /// left out if the run is `whole`. A folder that cannot be written costs time at the next run
    /// and nothing else.
    pub fn save(&mut self, whole: bool) {
        let Some(path) = &self.path else {
            return;
        };
        let before = self.known.len();
        if whole {
            self.known.retain(|_, known| known.used);
        }
        if !self.stale && self.known.len() == before {
            return;
        }
        if let Err(e) = files::replace_public(path, &self.bytes()) {
            log::info!(
                "{}: cannot be written ({e}), so the next run computes all features again",
                path.display()
            );
        }
    }

    /// The file: the magic, the settings, features a frame, frames, then for each its key and its
    /// features, and a CRC-32 of all before it. Numbers are little-endian, features f32.
    fn bytes(&self) -> Vec<u8> {
        let row = size_of::<Key>() + size_of::<f32>() * self.width;
        let mut bytes = Vec::with_capacity(MAGIC.len() + 32 + 8 + row * self.known.len() + 4);
        bytes.extend(MAGIC);
        bytes.extend(self.settings);
        for number in [self.width, self.known.len()] {
            bytes.extend(u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
        }
        let mut keys: Vec<&Key> = self.known.keys().collect();
        keys.sort_unstable();
        for key in keys {
            bytes.extend(key);
            let features = self.known.get(key).map(|known| &*known.features);
            bytes.extend(
                features
                    .unwrap_or_default()
                    .iter()
                    .flat_map(|v| v.to_le_bytes()),
            );
        }
        let crc = crc32fast::hash(&bytes);
        bytes.extend(crc.to_le_bytes());
        bytes
    }

    fn read(&mut self, path: &Path) -> io::Result<()> {
        // A pipe would be waited for.
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(path)?;
        if !file.metadata()?.is_file() {
            return Err(wrong("it is no regular file"));
        }
        let mut file = Checked {
            file: BufReader::new(file),
            crc: crc32fast::Hasher::new(),
        };
        if file.take::<16>()? != *MAGIC {
            return Err(wrong("it holds no features"));
        }
        if file.take::<32>()? != self.settings {
            return Err(wrong("it is of another model or other settings"));
        }
        let width = u32::from_le_bytes(file.take()?) as usize;
        let count = u32::from_le_bytes(file.take()?) as usize;
        if width != self.width || count > MOST {
            return Err(wrong("it is damaged"));
        }
        let mut row = vec![0; size_of::<f32>() * width];
        for _ in 0..count {
            let key = file.take()?;
            file.fill(&mut row)?;
            let (numbers, _) = row.as_chunks::<4>();
            let features = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes));
            let known = Known {
                features: features.collect(),
                used: false,
            };
            self.known.insert(key, known);
        }
        let crc = file.crc.clone().finalize();
        if u32::from_le_bytes(file.take()?) != crc || file.file.read(&mut [0])? != 0 {
            return Err(wrong("it is damaged"));
        }
        Ok(())
    }
}

fn wrong(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// A file whose CRC-32 is computed as it is read.
struct Checked {
    file: BufReader<File>,
    crc: crc32fast::Hasher,
}

impl Checked {
    fn fill(&mut self, to: &mut [u8]) -> io::Result<()> {
        self.file.read_exact(to).map_err(|e| match e.kind() {
            io::ErrorKind::UnexpectedEof => wrong("it is cut short"),
            _ => e,
        })?;
        self.crc.update(to);
        Ok(())
    }

    fn take<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests;
