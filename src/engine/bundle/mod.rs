//! One file with everything that the int8 engine needs, mapped read-only.
//!
//! | bytes | what |
//! |---|---|
//! | 0..8 | `GOLDCRST` |
//! | 8..12 | [`FORM`], the number of this form |
//! | 12..16 | CRC-32 of everything after the first page |
//! | 16..24, 24..32 | length of the file, offset of the manifest |
//! | 32..64 | SHA-256 of everything after the first page |
//! | 64..68 | CRC-32 of the 64 bytes before |
//! | 4096.. | arrays, each aligned to 64 bytes, weights to 4096 |
//! | .. end | the [`Manifest`], in TOML |
//!
//! Numbers are little-endian. The same ONNX file gives the same bytes on every host. A bundle is
//! only ever replaced by renaming another one over it: a mapped file that is cut short would kill
//! the process.

#![allow(unsafe_code)]

mod manifest;
mod writer;

pub use manifest::{
    Block, Down, Head, Linear, Manifest, Norm, Section, Stage, Stem, filled, golden_input,
};
pub use writer::Writer;

use std::fs::File;
use std::path::{Path, PathBuf};

use memmap2::{Mmap, UncheckedAdvice};
use sha2::{Digest, Sha256};

use super::Error;
use super::kernels;

/// The form of bundle that this version writes and reads.
pub const FORM: u32 = 1;

/// The name of a bundle in its folder.
pub const NAME: &str = "model.bundle";

const MAGIC: &[u8; 8] = b"GOLDCRST";
const PAGE: usize = 4096;

/// A mapped bundle, checked.
pub struct Bundle {
    path: PathBuf,
    map: Mmap,
    sha256: [u8; 32],
    manifest: Manifest,
}

impl std::fmt::Debug for Bundle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bundle({})", self.path.display())
    }
}

/// Where a bundle of the model with this SHA-256 is kept for the user:
/// `$XDG_CACHE_HOME/goldcrest/<sha256>/`, with `~/.cache` when that is not set. None without a
/// home.
pub fn cache_folder(sha256: &str) -> Option<PathBuf> {
    let absolute = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|p| p.is_absolute())
    };
    let cache = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(cache.join("goldcrest").join(sha256))
}

/// The bundle for the model at `model` with this SHA-256: the one beside it, or in the user's
/// cache, that is [`fresh`]; else the one beside it whatever it is, so that [`Bundle::open`] says
/// what is wrong with it. None if there is none.
pub fn find(model: &Path, sha256: &str) -> Option<PathBuf> {
    let beside = model.with_file_name(NAME);
    let cached = cache_folder(sha256).map(|folder| folder.join(NAME));
    let mut places = std::iter::once(beside.clone()).chain(cached);
    places
        .find(|path| fresh(path, sha256))
        .or_else(|| beside.exists().then_some(beside))
}

/// Whether a bundle of this version and of the model with this SHA-256 stands at `path`. Only its
/// head and its manifest are looked at; [`Bundle::open`] checks the rest.
pub fn fresh(path: &Path, sha256: &str) -> bool {
    let head = map(path)
        .ok()
        .and_then(|map| read_head(&map).ok().map(|head| (map, head)));
    head.is_some_and(|(map, head)| {
        read_manifest(&map, &head)
            .is_ok_and(|manifest| manifest.model_sha256.eq_ignore_ascii_case(sha256))
    })
}

struct FileHead {
    crc: u32,
    manifest: usize,
    sha256: [u8; 32],
}

/// Maps a bundle, or the ONNX file that one is made of.
pub(super) fn map(path: &Path) -> std::io::Result<Mmap> {
    // SAFETY: bundles are replaced by renaming, never written in place, so the mapped bytes do not
    // change. An ONNX file is mapped while it is packed and is not expected to be written
    // meanwhile.
    unsafe { Mmap::map(&File::open(path)?) }
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

fn read_head(map: &[u8]) -> Result<FileHead, String> {
    if map.len() < PAGE || &map[..8] != MAGIC {
        return Err("it is not a bundle of Goldcrest's".into());
    }
    let form = u32::from_le_bytes(number(map, 8));
    if form != FORM {
        return Err(format!(
            "it is a bundle of form {form} and this version reads form {FORM}"
        ));
    }
    let length = u64::from_le_bytes(number(map, 16));
    let manifest = usize::try_from(u64::from_le_bytes(number(map, 24))).unwrap_or(usize::MAX);
    if u32::from_le_bytes(number(map, 64)) != crc32fast::hash(&map[..64]) {
        return Err("its head is damaged".into());
    }
    if length != map.len() as u64 {
        return Err(format!("it has {} bytes instead of {length}", map.len()));
    }
    if !(PAGE..=map.len()).contains(&manifest) {
        return Err("its head is damaged".into());
    }
    Ok(FileHead {
        crc: u32::from_le_bytes(number(map, 12)),
        manifest,
        sha256: number(map, 32),
    })
}

fn read_manifest(map: &[u8], head: &FileHead) -> Result<Manifest, String> {
    let text = std::str::from_utf8(&map[head.manifest..]).map_err(|_| "its manifest is damaged")?;
    let manifest: Manifest =
        toml::from_str(text).map_err(|e| format!("its manifest is damaged: {}", e.message()))?;
    manifest.check(head.manifest as u64)?;
    Ok(manifest)
}

impl Bundle {
    /// Maps the bundle at `path` and checks its head, its manifest and its checksum.
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::Model`] for a file that is foreign, older, cut short or damaged.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let map = map(path).map_err(|cause| Error::Io {
            path: path.into(),
            cause,
        })?;
        let read = || -> Result<(Manifest, [u8; 32]), String> {
            if cfg!(target_endian = "big") {
                return Err("bundles need a little-endian processor".into());
            }
            let head = read_head(&map)?;
            if crc32fast::hash(&map[PAGE..]) != head.crc {
                return Err("it is damaged: its checksum is wrong".into());
            }
            Ok((read_manifest(&map, &head)?, head.sha256))
        };
        match read() {
            Ok((manifest, sha256)) => Ok(Self {
                path: path.into(),
                map,
                sha256,
                manifest,
            }),
            Err(message) => Err(Self::refused(path, &message)),
        }
    }

    fn refused(path: &Path, message: &str) -> Error {
        let message = format!("{message}; make it anew with `goldcrest pack`");
        Error::Model {
            path: path.into(),
            message,
        }
    }

    /// Checks the SHA-256 of the whole bundle.
    ///
    /// # Errors
    /// [`Error::Model`] when it is not the one that the bundle was written with.
    pub fn verify(&self) -> Result<(), Error> {
        if Sha256::digest(&self.map[PAGE..])[..] == self.sha256 {
            return Ok(());
        }
        Err(Self::refused(
            &self.path,
            "it is damaged: its SHA-256 is wrong",
        ))
    }

    /// Gives the mapped pages back to the system; they are read again when they are next used.
    pub fn rest(&self) {
        // SAFETY: the mapping is shared, read-only and of a file: a page that is given back is read
        // from it again.
        let given = unsafe { self.map.unchecked_advise(UncheckedAdvice::DontNeed) };
        if let Err(e) = given {
            log::debug!("{}: its pages stay: {e}", self.path.display());
        }
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Where the bundle lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes that are mapped.
    pub fn bytes(&self) -> usize {
        self.map.len()
    }

    /// An array of plain numbers.
    ///
    /// `T` is one of i8, i32 and f32.
    fn array<T>(&self, section: Section) -> &[T] {
        let bytes = &self.map[section.0 as usize..][..section.1 as usize];
        // SAFETY: the manifest's check put every section on a multiple of 64 within the mapping,
        // which is aligned to a page; any bits are a `T`; the mapping lives as long as `self`.
        unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len() / size_of::<T>()) }
    }

    /// What the kernels need of a layer.
    pub fn linear(&self, l: &Linear) -> kernels::Linear<'_> {
        kernels::Linear {
            inputs: l.filled,
            weights: self.array(l.weights),
            sums: self.array(l.sums),
            scales: self.array(l.scales),
            biases: self.array(l.biases),
            zero_point: l.zero_point,
        }
    }

    /// What the kernels need of a LayerNorm.
    pub fn norm(&self, n: &Norm) -> kernels::Norm<'_> {
        kernels::Norm {
            gain: self.array(n.gain),
            shift: self.array(n.shift),
            channels: n.channels,
            epsilon: n.epsilon,
        }
    }

    /// What the kernels need of a depthwise convolution.
    pub fn depthwise(&self, b: &Block) -> kernels::Depthwise<'_> {
        kernels::Depthwise {
            weights: self.array(b.taps),
            bias: self.array(b.bias),
        }
    }

    /// What the kernels need of the first convolution.
    pub fn stem(&self) -> kernels::Stem<'_> {
        let stem = &self.manifest.stem;
        kernels::Stem {
            weights: self.array(stem.weights),
            bias: self.array(stem.bias),
        }
    }
}
