//! The recorder: one file a frame, and the manifest's lines.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::encoder::Encoder;
use super::folder::{check_empty, check_vacant, existing, place, sync_folder};
use super::{Error, Limits, Written};
use crate::frame::Frame;
use crate::source::Status;
use crate::source::recording::manifest::{self, Entry, ManifestHeader};
use crate::vision;

/// The name of a frame's file until all of it is written.
pub(super) const UNFINISHED: &str = ".unfinished";

/// How long names and lines may wait until they are on the disk. What a frame's file holds is there
/// before it has its name.
const SYNC: Duration = Duration::from_secs(1);

/// A recording that is being written.
pub(crate) struct Recorder {
    folder: PathBuf,
    limits: Limits,
    /// Created with the folder, when the first frame is written.
    pub(super) manifest: Option<File>,
    /// Bytes of the manifest.
    listed: u64,
    /// When names and lines were last put on the disk; none before the first frame.
    synced: Option<Instant>,
    frames: u64,
    bytes: u64,
    /// Makes masks black in what is written.
    encoder: Encoder,
    /// A picture as PNG.
    png: Vec<u8>,
}

impl Recorder {
    /// Prepares a recording in `folder`, which may exist if it is empty. Nothing is created before
    /// the first frame. The masks of `vision`, which has passed its check, are black in it.
    ///
    /// # Errors
    /// The folder cannot be used: [`Error::NotFolder`], [`Error::NotEmpty`] or [`Error::Io`].
    pub(crate) fn new(
        folder: &Path,
        limits: Limits,
        vision: &vision::Config,
    ) -> Result<Self, Error> {
        check_vacant(folder)?;
        Ok(Self {
            folder: folder.into(),
            limits,
            manifest: None,
            listed: 0,
            synced: None,
            frames: 0,
            bytes: 0,
            encoder: Encoder::new(vision),
            png: Vec::new(),
        })
    }

    /// Writes one frame, if there is room for it. `status` describes the source, for the first line
    /// of the manifest.
    ///
    /// # Errors
    /// [`Error::Frame`] for this frame alone; all others are final.
    pub(crate) fn write(
        &mut self,
        frame: &Frame,
        status: impl FnOnce() -> Status,
    ) -> Result<Written, Error> {
        let jpeg = self.encoder.may_copy(frame);
        if !jpeg {
            // Encoding it again as JPEG would change what masks do not hide.
            self.encoder.png(frame, &mut self.png)?;
        }
        let data: &[u8] = if jpeg { &frame.data } else { &self.png };
        let bytes = data.len() as u64;
        let name = format!("{:06}.{}", self.frames, if jpeg { "jpg" } else { "png" });
        let mut lines = Vec::new();
        if self.frames == 0 {
            line(&mut lines, &ManifestHeader::new(&status()));
        }
        line(&mut lines, &Entry::new(frame, &name, bytes));

        let all = bytes + lines.len() as u64;
        if self.bytes + all > self.limits.max_bytes {
            return Ok(Written::Beyond(self.bytes + all));
        }
        self.check_disk(all)?;
        let manifest = match &mut self.manifest {
            Some(manifest) => manifest,
            none => none.insert(create(&self.folder)?),
        };
        let path = self.folder.join(&name);
        place(&self.folder.join(UNFINISHED), &path, data).map_err(|cause| Error::Io {
            path: path.clone(),
            cause,
        })?;
        if let Err(cause) = manifest.write_all(&lines) {
            // Leave neither half a line nor a frame without one.
            let _ = manifest.set_len(self.listed);
            let _ = fs::remove_file(&path);
            return Err(Error::Io {
                path: self.folder.join(manifest::NAME),
                cause,
            });
        }
        self.listed += lines.len() as u64;
        self.bytes += all;
        self.frames += 1;
        if self.synced.is_none_or(|at| at.elapsed() >= SYNC) {
            self.sync()?;
        }
        Ok(Written::Whole)
    }

    /// Has all names and lines on the disk. After a power cut the last second of a recording may be
    /// missing without it.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn sync(&mut self) -> Result<(), Error> {
        let Some(manifest) = &self.manifest else {
            return Ok(());
        };
        let names = || {
            sync_folder(&self.folder)?;
            match self.folder.parent() {
                // The folder itself may be new.
                Some(around) if self.synced.is_none() && around != Path::new("") => {
                    sync_folder(around)
                }
                _ => Ok(()),
            }
        };
        let synced = manifest.sync_data().and_then(|()| names());
        synced.map_err(|cause| Error::Io {
            path: self.folder.clone(),
            cause,
        })?;
        self.synced = Some(Instant::now());
        Ok(())
    }

    /// Frames written so far.
    pub(crate) fn frames(&self) -> u64 {
        self.frames
    }

    /// Bytes written so far, including the manifest.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Refuses to write `bytes` if less than [`Limits::keep_free`] would stay free.
    fn check_disk(&self, bytes: u64) -> Result<(), Error> {
        let existing = existing(&self.folder)?;
        let disk = rustix::fs::statvfs(existing).map_err(|e| Error::Io {
            path: existing.into(),
            cause: e.into(),
        })?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        if free.saturating_sub(bytes) >= self.limits.keep_free {
            return Ok(());
        }
        Err(Error::Full {
            path: self.folder.clone(),
            free: free >> 20,
            keep: self.limits.keep_free >> 20,
        })
    }
}

/// Creates `folder` and the manifest in it. Others may have written there since the start.
fn create(folder: &Path) -> Result<File, Error> {
    let io = |cause| Error::Io {
        path: folder.into(),
        cause,
    };
    fs::create_dir_all(folder).map_err(io)?;
    check_empty(folder)?;
    File::create_new(folder.join(manifest::NAME)).map_err(io)
}

/// Adds `value` as a line of JSON. Writing numbers and text to memory cannot fail.
fn line(lines: &mut Vec<u8>, value: &impl serde::Serialize) {
    if serde_json::to_writer(&mut *lines, value).is_ok() {
        lines.push(b'\n');
    }
}
