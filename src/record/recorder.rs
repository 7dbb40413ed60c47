//! The recorder: one file a frame, and the manifest's lines.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use rustix::fs::Access;

use super::{Error, Limits, Written};
use crate::frame::jpeg::Decoder;
use crate::frame::{self, Frame, Lines, PixelFormat, Rows};
use crate::source::Status;
use crate::source::recording::manifest::{self, Entry, ManifestHeader};
use crate::vision::{self, Cover, Grain, Masked, Turn};

/// The name of a frame's file until all of it is written.
pub(super) const UNFINISHED: &str = ".unfinished";

/// A recording that is being written.
pub(crate) struct Recorder {
    folder: PathBuf,
    limits: Limits,
    /// Created with the folder, when the first frame is written.
    pub(super) manifest: Option<File>,
    /// Bytes of the manifest.
    listed: u64,
    frames: u64,
    bytes: u64,
    /// Whose masks are black in what is written.
    vision: vision::Config,
    cover: Cover,
    jpeg: Decoder,
    /// A picture as RGB, and as PNG.
    rgb: Vec<u8>,
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
        let existing = existing(folder)?;
        if existing == folder {
            check_empty(folder)?;
        }
        let access = Access::WRITE_OK | Access::EXEC_OK;
        rustix::fs::access(existing, access).map_err(|e| Error::Io {
            path: existing.into(),
            cause: e.into(),
        })?;
        Ok(Self {
            folder: folder.into(),
            limits,
            manifest: None,
            listed: 0,
            frames: 0,
            bytes: 0,
            vision: vision.clone(),
            cover: Cover::new(&vision.masks),
            jpeg: Decoder::new(),
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
        // A copy of a JPEG picture would hold what the masks hide, and encoding it again as JPEG
        // would change what they do not.
        let jpeg = frame.format == PixelFormat::Jpeg && self.cover.is_empty();
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

    /// Reads a picture as RGB, as the source has it, with masks in black. Returns its width and
    /// height.
    fn read(&mut self, frame: &Frame) -> Result<(usize, usize), frame::Error> {
        let view = frame.view();
        let turn = Turn::new(&self.vision, frame.orientation);
        if frame.format == PixelFormat::Jpeg {
            let mut picture = self.jpeg.open(view.data)?;
            let full = picture.size();
            let grain = Grain::jpeg(&picture);
            picture.start(8)?;
            self.cover.fit(full, grain, turn);
            let masked = Masked::new(&mut picture, &self.cover, grain.at(8));
            fill(&mut self.rgb, full, masked)?;
            picture.finish()?;
            return Ok(full);
        }
        let mut rows = Rows::new(view)?;
        let full = (frame.width, frame.height);
        let grain = Grain::raw(&view);
        self.cover.fit(full, grain, turn);
        let masked = Masked::new(&mut rows, &self.cover, grain.at(8));
        fill(&mut self.rgb, full, masked)?;
        Ok(full)
    }

    /// Encodes a picture as PNG. The pixels of a raw one are exactly those from which the model's
    /// input is made.
    fn encode(&mut self, frame: &Frame) -> Result<(), frame::Error> {
        let (width, height) = self.read(frame)?;
        self.png.clear();
        let mut encoder =
            PngEncoder::new_with_quality(&mut self.png, CompressionType::Fast, FilterType::Up);
        let (Ok(width), Ok(height)) = (width.try_into(), height.try_into()) else {
            return Err(frame::Error::Unsupported("too large for PNG"));
        };
        if let Some(exif) = frame.orientation.exif() {
            encoder
                .set_exif_metadata(exif)
                .map_err(|_| frame::Error::Unsupported("turned, which PNG cannot tell"))?;
        }
        encoder
            .write_image(&self.rgb, width, height, ExtendedColorType::Rgb8)
            .map_err(|_| frame::Error::Unsupported("not one that PNG can hold"))
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

/// Fills `rgb` with the rows of a picture of this width and height.
fn fill(
    rgb: &mut Vec<u8>,
    (width, height): (usize, usize),
    mut lines: impl Lines,
) -> Result<(), frame::Error> {
    rgb.resize(width * height * 3, 0);
    for (y, to) in rgb.chunks_exact_mut(width * 3).enumerate() {
        lines.rgb(y, 0, to)?;
    }
    Ok(())
}

/// The folder of `folder` and those above it that exists.
fn existing(folder: &Path) -> Result<&Path, Error> {
    for path in folder.ancestors() {
        // The last ancestor of a relative path is empty.
        let path = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        match path.metadata() {
            Ok(found) if found.is_dir() => return Ok(path),
            Err(e) if e.kind() == io::ErrorKind::NotFound && !path.is_symlink() => {}
            Err(cause) if cause.kind() != io::ErrorKind::NotADirectory => {
                let path = path.into();
                return Err(Error::Io { path, cause });
            }
            // A file, also one further up.
            _ => return Err(Error::NotFolder(folder.into())),
        }
    }
    // The root exists, and so does the folder of this process.
    Ok(folder)
}

/// Refuses a folder that is not empty.
fn check_empty(folder: &Path) -> Result<(), Error> {
    let mut entries = fs::read_dir(folder).map_err(|cause| Error::Io {
        path: folder.into(),
        cause,
    })?;
    match entries.next() {
        None => Ok(()),
        Some(_) => Err(Error::NotEmpty(folder.into())),
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
