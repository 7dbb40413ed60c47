//! Writes a bundle from front to back.

use std::fs::Permissions;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crc32fast::Hasher;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::header::{BundleHeader, PAGE};
use super::manifest::{Manifest, Section};
use super::stamp::Stamp;
use crate::engine::error::Error;

/// A bundle in the making, in a temporary file that takes the bundle's name when it is complete.
#[derive(Debug)]
pub(crate) struct Writer {
    target: PathBuf,
    file: BufWriter<NamedTempFile>,
    crc: Hasher,
    sha256: Sha256,
    at: u64,
    stamp: Stamp,
}

impl Writer {
    /// Starts the bundle that will stand at `target`, whose folder is created if need be, of the
    /// ONNX file with this `stamp`.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn new(target: &Path, stamp: Stamp) -> Result<Self, Error> {
        let folder = match target.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let io = |cause| Error::Io {
            path: folder.into(),
            cause,
        };
        std::fs::create_dir_all(folder).map_err(io)?;
        let file = tempfile::Builder::new()
            .prefix(target.file_name().unwrap_or_default())
            .suffix(".part")
            // Like any other file: a user who may read the model may map its bundle.
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(folder)
            .map_err(io)?;
        let mut writer = Self {
            target: target.into(),
            file: BufWriter::new(file),
            crc: Hasher::new(),
            sha256: Sha256::new(),
            at: PAGE as u64,
            stamp,
        };
        let head = writer.file.write_all(&[0; PAGE]);
        head.map_err(|e| writer.io(e))?;
        Ok(writer)
    }

    fn io(&self, cause: std::io::Error) -> Error {
        Error::Io {
            path: self.file.get_ref().path().into(),
            cause,
        }
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.crc.update(bytes);
        self.sha256.update(bytes);
        self.at += bytes.len() as u64;
        self.file.write_all(bytes).map_err(|e| self.io(e))
    }

    fn section(&mut self, align: usize, bytes: &[u8]) -> Result<Section, Error> {
        let gap = self.at.next_multiple_of(align as u64) - self.at;
        self.put(&[0; PAGE][..gap as usize])?;
        let section = Section(self.at, bytes.len() as u64);
        self.put(bytes)?;
        Ok(section)
    }

    /// Adds weights.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn weights(&mut self, values: &[i8]) -> Result<Section, Error> {
        let bytes: Vec<u8> = values.iter().map(|v| v.cast_unsigned()).collect();
        self.section(PAGE, &bytes)
    }

    /// Adds floats.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn floats(&mut self, values: &[f32]) -> Result<Section, Error> {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.section(64, &bytes)
    }

    /// Adds integers.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn integers(&mut self, values: &[i32]) -> Result<Section, Error> {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.section(64, &bytes)
    }

    /// Adds the manifest and the header, and gives the bundle its name. Returns its length in
    /// bytes.
    ///
    /// `golden` takes the path of the bundle, which is complete except for the manifest's `golden`,
    /// and returns that value.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Model`] when the manifest does not fit the arrays; the error of
    /// `golden`.
    pub(crate) fn finish(
        mut self,
        manifest: &mut Manifest,
        golden: impl FnOnce(&Path) -> Result<u32, Error>,
    ) -> Result<u64, Error> {
        let data = (self.crc.clone(), self.sha256.clone(), self.at);
        self.close(manifest)?;
        manifest.golden = golden(self.file.get_ref().path())?;
        (self.crc, self.sha256, self.at) = data;
        self.file
            .seek(SeekFrom::Start(self.at))
            .map_err(|e| self.io(e))?;
        self.close(manifest)?;
        let file = self.file.get_ref().as_file();
        let ended = file.set_len(self.at).and_then(|()| file.sync_all());
        ended.map_err(|e| self.io(e))?;
        let Self {
            target, file, at, ..
        } = self;
        let placed = file
            .into_inner()
            .map_err(|e| e.into_error())
            .and_then(|file| file.persist(&target).map_err(|e| e.error));
        placed.map_err(|cause| Error::Io {
            path: target,
            cause,
        })?;
        Ok(at)
    }

    /// Adds the manifest and writes the header.
    fn close(&mut self, manifest: &Manifest) -> Result<(), Error> {
        let refused = |message: String| Error::Model {
            path: self.target.clone(),
            message,
        };
        manifest
            .check(self.at)
            .map_err(|e| refused(format!("packing went wrong: {e}")))?;
        let text = toml::to_string(manifest).map_err(|e| refused(e.to_string()))?;
        let start = self.section(64, text.as_bytes())?.0;
        let header = BundleHeader {
            crc: self.crc.clone().finalize(),
            length: self.at,
            manifest: start,
            sha256: self.sha256.clone().finalize().into(),
            stamp: Some(self.stamp),
        };
        let written = (|| {
            self.file.seek(SeekFrom::Start(0))?;
            self.file.write_all(&header.bytes())?;
            self.file.flush()
        })();
        written.map_err(|e| self.io(e))
    }
}
