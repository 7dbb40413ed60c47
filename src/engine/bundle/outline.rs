//! The beginning and the end of a bundle, read into memory of their own.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::header::{BundleHeader, PAGE, Refusal};
use super::manifest::Manifest;
use crate::engine::error::Error;
use crate::files;

/// What a bundle says of itself: its header and its checked manifest, of a file that is open.
///
/// Both are copies. Whoever writes to the file while they are read changes nothing that was
/// checked, and a bundle that is cut short meanwhile is a read that fails. No array was read or
/// mapped, and a bundle that claims much has cost no more than its manifest.
#[derive(Debug)]
pub(crate) struct Outline {
    pub(super) path: PathBuf,
    pub(super) file: File,
    pub(super) header: BundleHeader,
    /// The manifest as it stands in the file.
    pub(super) text: Vec<u8>,
    pub(super) manifest: Manifest,
}

/// Why there is no outline.
#[derive(Debug)]
pub(super) enum Fault {
    Io(io::Error),
    Refused(Refusal),
}

impl<R: Into<Refusal>> From<R> for Fault {
    fn from(refusal: R) -> Self {
        Self::Refused(refusal.into())
    }
}

impl Fault {
    /// The fault of the bundle at `path`.
    pub fn at(self, path: &Path) -> Error {
        match self {
            Self::Io(cause) => Error::Io {
                path: path.into(),
                cause,
            },
            Self::Refused(refusal) => refused(path, &refusal),
        }
    }
}

/// The error of a bundle that is refused.
pub(super) fn refused(path: &Path, refusal: &Refusal) -> Error {
    Error::Bundle {
        path: path.into(),
        fault: refusal.to_string(),
        model: None,
    }
}

impl Outline {
    /// Reads the outline of the bundle at `path`.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Bundle`] for a file that is foreign, older, cut short, damaged in
    /// its header or its manifest, or whose manifest does not fit it.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        Self::try_read(path).map_err(|fault| fault.at(path))
    }

    /// As [`Outline::read`].
    pub(super) fn try_read(path: &Path) -> Result<Self, Fault> {
        let file = files::open(path).map_err(Fault::Io)?;
        let facts = file.metadata().map_err(Fault::Io)?;
        let mut page = [0; PAGE];
        read_at(&file, &mut page, 0)?;
        let header = BundleHeader::read(&page, facts.len())?;
        // The header's check bounds the length of the manifest.
        let mut text = vec![0; (header.length - header.manifest) as usize];
        read_at(&file, &mut text, header.manifest)?;
        let manifest = std::str::from_utf8(&text).map_err(|_| Refusal::Text)?;
        let manifest: Manifest = toml::from_str(manifest).map_err(Refusal::from)?;
        manifest.check(header.manifest).map_err(Refusal::from)?;
        Ok(Self {
            path: path.into(),
            file,
            header,
            text,
            manifest,
        })
    }

    /// The manifest.
    pub(crate) fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The number of bytes that will be mapped.
    pub(crate) fn bytes(&self) -> u64 {
        self.header.length
    }
}

/// Fills `bytes` from `at` on.
fn read_at(file: &File, bytes: &mut [u8], at: u64) -> Result<(), Fault> {
    file.read_exact_at(bytes, at).map_err(|e| match e.kind() {
        io::ErrorKind::UnexpectedEof => Refusal::Foreign.into(),
        _ => Fault::Io(e),
    })
}
