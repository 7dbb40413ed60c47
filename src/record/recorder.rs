//! The recorder: one file a frame, and the manifest's lines.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};

use super::{Error, Limits, Written};
use crate::frame::{self, Frame, Lines, PixelFormat, Rows};
use crate::source::Status;
use crate::source::recording::manifest::{self, Entry, ManifestHeader};

/// The name of a frame's file until all of it is written.
pub(super) const UNFINISHED: &str = ".unfinished";

/// A recording that is being written.
pub(crate) struct Recorder {
    folder: PathBuf,
    limits: Limits,
    pub(super) manifest: File,
    /// Bytes of the manifest.
    listed: u64,
    frames: u64,
    bytes: u64,
    /// A raw picture as RGB, and as PNG.
    rgb: Vec<u8>,
    png: Vec<u8>,
}

impl Recorder {
    /// Begins a recording in `folder`, and creates the folder if it does not exist.
    ///
    /// # Errors
    /// [`Error::NotEmpty`] and [`Error::Io`].
    pub(crate) fn create(folder: &Path, limits: Limits) -> Result<Self, Error> {
        let io = |cause| Error::Io {
            path: folder.into(),
            cause,
        };
        fs::create_dir_all(folder).map_err(io)?;
        if fs::read_dir(folder).map_err(io)?.next().is_some() {
            return Err(Error::NotEmpty(folder.into()));
        }
        let manifest = File::create_new(folder.join(manifest::NAME)).map_err(io)?;
        Ok(Self {
            folder: folder.into(),
            limits,
            manifest,
            listed: 0,
            frames: 0,
            bytes: 0,
            rgb: Vec::new(),
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
        let jpeg = frame.format == PixelFormat::Jpeg;
        if !jpeg {
            self.encode(frame)?;
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
            return Ok(Written::Beyond);
        }
        self.check_disk(all)?;
        let path = self.folder.join(&name);
        let io = |cause| Error::Io {
            path: path.clone(),
            cause,
        };
        place(&self.folder.join(UNFINISHED), &path, data).map_err(io)?;
        if let Err(cause) = self.manifest.write_all(&lines) {
            // Leave neither half a line nor a frame without one.
            let _ = self.manifest.set_len(self.listed);
            let _ = fs::remove_file(&path);
            return Err(Error::Io {
                path: self.folder.join(manifest::NAME),
                cause,
            });
        }
        self.listed += lines.len() as u64;
        self.bytes += all;
        self.frames += 1;
        Ok(Written::Whole)
    }

    /// Frames written so far.
    pub(crate) fn frames(&self) -> u64 {
        self.frames
    }

    /// Bytes written so far, including the manifest.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Encodes a raw picture as PNG, with exactly the pixels from which the model's input is made.
    fn encode(&mut self, frame: &Frame) -> Result<(), frame::Error> {
        let mut rows = Rows::new(frame.view())?;
        self.rgb.resize(frame.width * frame.height * 3, 0);
        for (y, to) in self.rgb.chunks_exact_mut(frame.width * 3).enumerate() {
            rows.rgb(y, 0, to)?;
        }
        self.png.clear();
        let encoder =
            PngEncoder::new_with_quality(&mut self.png, CompressionType::Fast, FilterType::Up);
        let (Ok(width), Ok(height)) = (frame.width.try_into(), frame.height.try_into()) else {
            return Err(frame::Error::Unsupported("too large for PNG"));
        };
        encoder
            .write_image(&self.rgb, width, height, ExtendedColorType::Rgb8)
            .map_err(|_| frame::Error::Unsupported("not one that PNG can hold"))
    }

    /// Refuses to write `bytes` if less than [`Limits::keep_free`] would stay free.
    fn check_disk(&self, bytes: u64) -> Result<(), Error> {
        let disk = rustix::fs::statvfs(&self.folder).map_err(|e| Error::Io {
            path: self.folder.clone(),
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

/// Writes `data` so that `path` is either complete or does not exist.
pub(super) fn place(unfinished: &Path, path: &Path, data: &[u8]) -> io::Result<()> {
    let written = File::create(unfinished)
        .and_then(|mut file| file.write_all(data))
        .and_then(|()| fs::rename(unfinished, path));
    if written.is_err() {
        // The first error tells what is wrong.
        let _ = fs::remove_file(unfinished);
    }
    written
}

/// Adds `value` as a line of JSON. Writing numbers and text to memory cannot fail.
fn line(lines: &mut Vec<u8>, value: &impl serde::Serialize) {
    if serde_json::to_writer(&mut *lines, value).is_ok() {
        lines.push(b'\n');
    }
}
