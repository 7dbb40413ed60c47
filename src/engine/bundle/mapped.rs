//! A bundle, mapped and checked.

#![allow(unsafe_code)]

use std::fs::File;
use std::path::{Path, PathBuf};

use goldcrest_kernels::{Depthwise, Linear, Norm, Stem};
use memmap2::{Mmap, UncheckedAdvice};
use sha2::{Digest, Sha256};

use super::header::{PAGE, Refusal};
use super::manifest::{BlockEntry, LinearEntry, Manifest, NormEntry, Section};
use super::outline::{Fault, Outline, refused};
use crate::engine::error::Error;
use crate::files;

/// A mapped bundle, checked.
pub(crate) struct Bundle {
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

/// Maps the ONNX file that a bundle is made of.
pub(crate) fn map(path: &Path) -> std::io::Result<Mmap> {
    map_file(&files::open(path)?)
}

fn map_file(file: &File) -> std::io::Result<Mmap> {
    // SAFETY: bundles are replaced by renaming, never written in place, so the mapped bytes do not
    // change. An ONNX file is mapped while it is packed and is not expected to be written
    // meanwhile. Nobody but root and this user can write to either.
    unsafe { Mmap::map(file) }
}

impl Outline {
    /// Maps the arrays that it describes, and checks their checksum.
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::Bundle`] for a bundle that is damaged, or was changed since its
    /// outline was read.
    pub(crate) fn map(self) -> Result<Bundle, Error> {
        let mapped = self.mapped();
        let map = mapped.map_err(|fault| fault.at(&self.path))?;
        Ok(Bundle {
            path: self.path,
            map,
            sha256: self.header.sha256,
            manifest: self.manifest,
        })
    }

    fn mapped(&self) -> Result<Mmap, Fault> {
        if cfg!(target_endian = "big") {
            return Err(Refusal::Endian.into());
        }
        let map = map_file(&self.file).map_err(Fault::Io)?;
        let arrays = usize::try_from(self.header.manifest).unwrap_or(usize::MAX);
        if map.len() as u64 != self.header.length || map.get(arrays..) != Some(&self.text) {
            return Err(Refusal::Changed.into());
        }
        if crc32fast::hash(&map[PAGE..]) != self.header.crc {
            return Err(Refusal::Checksum.into());
        }
        Ok(map)
    }
}

impl Bundle {
    /// Maps the bundle at `path` and checks its header, its manifest and its checksum.
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::Bundle`] for a file that is foreign, older, cut short or damaged.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        Outline::read(path)?.map()
    }

    /// Checks the SHA-256 of the whole bundle.
    ///
    /// # Errors
    /// [`Error::Bundle`] when it is not the one that the bundle was written with.
    pub(crate) fn verify(&self) -> Result<(), Error> {
        if Sha256::digest(&self.map[PAGE..])[..] == self.sha256 {
            return Ok(());
        }
        Err(refused(&self.path, &Refusal::Sha256))
    }

    /// Returns the mapped pages to the system, which reads them again when they are next used.
    pub(crate) fn rest(&self) {
        // SAFETY: the mapping is shared, read-only and of a file: a returned page is read
        // from it again.
        let given = unsafe { self.map.unchecked_advise(UncheckedAdvice::DontNeed) };
        if let Err(e) = given {
            log::debug!("{}: its pages stay: {e}", self.path.display());
        }
    }

    /// The manifest.
    pub(crate) fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Where the bundle lies.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The number of bytes that are mapped.
    pub(crate) fn bytes(&self) -> usize {
        self.map.len()
    }

    /// An array of plain numbers: `T` is one of i8, i32 and f32.
    fn array<T>(&self, section: Section) -> &[T] {
        let bytes = &self.map[section.0 as usize..][..section.1 as usize];
        // SAFETY: the manifest's check put every section on a multiple of 64 within the mapping,
        // which is aligned to a page, and counted its length in 64 bits; any bits are a `T`; the
        // mapping lives as long as `self`.
        unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len() / size_of::<T>()) }
    }

    /// The arrays of a layer.
    pub(crate) fn linear(&self, l: &LinearEntry) -> Linear<'_> {
        Linear {
            inputs: l.filled,
            weights: self.array(l.weights),
            sums: self.array(l.sums),
            scales: self.array(l.scales),
            biases: self.array(l.biases),
            zero_point: l.zero_point,
        }
    }

    /// The arrays of a LayerNorm.
    pub(crate) fn norm(&self, n: &NormEntry) -> Norm<'_> {
        Norm {
            gain: self.array(n.gain),
            shift: self.array(n.shift),
            channels: n.channels,
            epsilon: n.epsilon,
        }
    }

    /// The arrays of a depthwise convolution.
    pub(crate) fn depthwise(&self, b: &BlockEntry) -> Depthwise<'_> {
        Depthwise {
            weights: self.array(b.taps),
            bias: self.array(b.bias),
        }
    }

    /// The arrays of the first convolution.
    pub(crate) fn stem(&self) -> Stem<'_> {
        let stem = &self.manifest.stem;
        Stem {
            weights: self.array(stem.weights),
            bias: self.array(stem.bias),
        }
    }
}
