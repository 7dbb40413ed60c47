//! Writing frames as a recording: JPEG as it came, raw pictures as PNG without loss, and a manifest
//! of all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};

use crate::frame::{self, Frame, Lines, PixelFormat, Rows};
use crate::source::Status;
use crate::source::recording::manifest::{self, Entry, ManifestHeader};

/// What a frame is called until all of it is written.
const UNFINISHED: &str = ".unfinished";

/// Bounds of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes to write.
    pub max_bytes: u64,
    /// Bytes of the disk to leave free.
    pub keep_free: u64,
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It was written.
    Whole,
    /// It would have gone beyond [`Limits::max_bytes`], and was not written.
    Beyond,
}

/// Why a recording cannot go on. What was written stays, and is whole.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder has something in it.
    #[error("{}: this folder is not empty; name a new one or an empty one", .0.display())]
    NotEmpty(PathBuf),
    /// The disk has no room but what is to be kept free.
    #[error(
        "{path}: {free} MiB are free on this disk and {keep} MiB are to be kept free (--keep-free): recording ends",
        path = .path.display()
    )]
    Full {
        /// The folder.
        path: PathBuf,
        /// MiB that are free.
        free: u64,
        /// MiB to be kept free.
        keep: u64,
    },
    /// Writing failed.
    #[error("{path}: cannot be written: {cause}", path = .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The frame is no picture; the next one may be.
    #[error(transparent)]
    Frame(#[from] frame::Error),
}

/// A recording that is being written.
pub struct Recorder {
    folder: PathBuf,
    limits: Limits,
    manifest: File,
    /// Bytes of the manifest.
    listed: u64,
    frames: u64,
    bytes: u64,
    /// A raw picture as RGB, and as PNG.
    rgb: Vec<u8>,
    png: Vec<u8>,
}

impl Recorder {
    /// Begins a recording in `folder`, which is made if it is not there.
    ///
    /// # Errors
    /// [`Error::NotEmpty`] and [`Error::Io`].
    pub fn create(folder: &Path, limits: Limits) -> Result<Self, Error> {
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

    /// Writes one frame, if there is room for it. Before the first, `status` says of what source it
    /// is.
    ///
    /// # Errors
    /// [`Error::Frame`] for this frame alone; the others are final.
    pub fn write(
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
        self.look_at_disk(all)?;
        let path = self.folder.join(&name);
        let io = |cause| Error::Io {
            path: path.clone(),
            cause,
        };
        place(&self.folder.join(UNFINISHED), &path, data).map_err(io)?;
        if let Err(cause) = self.manifest.write_all(&lines) {
            // Neither half a line nor a frame without one is left.
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
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Bytes written so far, the manifest's among them.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Makes a PNG of a raw picture, with the very pixels that the model's input is made from.
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

    /// Refuses to write `bytes` that would leave less free than is to be kept.
    fn look_at_disk(&self, bytes: u64) -> Result<(), Error> {
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

/// Writes `data` so that `path` is whole or not there.
fn place(unfinished: &Path, path: &Path, data: &[u8]) -> io::Result<()> {
    let written = File::create(unfinished)
        .and_then(|mut file| file.write_all(data))
        .and_then(|()| fs::rename(unfinished, path));
    if written.is_err() {
        // It is the first error that tells what is wrong.
        let _ = fs::remove_file(unfinished);
    }
    written
}

/// Adds `value` as a line of JSON. Numbers and text alone cannot fail to be written into memory.
fn line(lines: &mut Vec<u8>, value: &impl serde::Serialize) {
    if serde_json::to_writer(&mut *lines, value).is_ok() {
        lines.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Monitor;
    use crate::source::{Next, Recording, RecordingOptions, Source, Synthetic, SyntheticOptions};

    const LIMITS: Limits = Limits {
        max_bytes: 1 << 30,
        keep_free: 0,
    };

    fn synthetic(format: PixelFormat) -> Synthetic {
        Synthetic::new(SyntheticOptions {
            format,
            width: 64,
            height: 48,
            frame_rate: 4.0,
            paced: false,
            ..SyntheticOptions::default()
        })
    }

    fn status() -> Status {
        Monitor::steady("a drawing").status()
    }

    fn rgb(frame: &Frame) -> Vec<u8> {
        let mut rows = Rows::new(frame.view()).unwrap();
        let mut rgb = vec![0; frame.width * frame.height * 3];
        for (y, line) in rgb.chunks_exact_mut(frame.width * 3).enumerate() {
            rows.rgb(y, 0, line).unwrap();
        }
        rgb
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let name = |e: io::Result<fs::DirEntry>| e.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<_> = entries.map(name).collect();
        names.sort();
        names
    }

    #[test]
    fn what_is_recorded_replays_with_the_same_pixels_and_times() {
        for format in [
            PixelFormat::Yuyv,
            PixelFormat::Nv12,
            PixelFormat::Grey,
            PixelFormat::Jpeg,
        ] {
            let folder = tempfile::tempdir().unwrap();
            let mut recorder = Recorder::create(folder.path(), LIMITS).unwrap();
            let mut source = synthetic(format);
            let mut written = Vec::new();
            for number in 0..5 {
                let mut frame = Frame::empty();
                source.next(&mut frame).unwrap();
                // A frame that was dropped leaves its gap in the times.
                if number != 2 {
                    assert_eq!(recorder.write(&frame, status).unwrap(), Written::Whole);
                    written.push(frame);
                }
            }
            assert_eq!(recorder.frames(), 4);
            let on_disk: u64 = names(folder.path())
                .iter()
                .map(|name| folder.path().join(name).metadata().unwrap().len())
                .sum();
            assert_eq!(recorder.bytes(), on_disk);

            let mut replay = Recording::open(folder.path(), RecordingOptions::default()).unwrap();
            let mut frame = Frame::empty();
            for wanted in &written {
                assert_eq!(replay.next(&mut frame).unwrap(), Next::Frame);
                let elapsed = wanted.captured.elapsed;
                assert_eq!(frame.captured.elapsed, elapsed, "{format}");
                let off = wanted
                    .captured
                    .wall
                    .duration_since(frame.captured.wall)
                    .unwrap();
                assert!(off.as_micros() < 1, "{format}: {off:?}");
                match format {
                    PixelFormat::Jpeg => assert_eq!(*frame.data, *wanted.data),
                    _ => assert_eq!(*frame.data, rgb(wanted), "{format}"),
                }
            }
            assert_eq!(replay.next(&mut frame).unwrap(), Next::End);
        }
    }

    #[test]
    fn the_manifest_says_what_stands_where() {
        let folder = tempfile::tempdir().unwrap();
        let mut recorder = Recorder::create(folder.path(), LIMITS).unwrap();
        let mut frame = Frame::empty();
        synthetic(PixelFormat::Yuyv).next(&mut frame).unwrap();
        recorder.write(&frame, status).unwrap();
        assert_eq!(names(folder.path()), ["000000.png", "manifest.jsonl"]);
        let text = fs::read_to_string(folder.path().join("manifest.jsonl")).unwrap();
        let lines: Vec<serde_json::Value> = text
            .lines()
            .map(|l| serde_json::from_str(l).unwrap())
            .collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(
            (&lines[0]["v"], &lines[0]["card"]),
            (&1.into(), &"a drawing".into())
        );
        let bytes = folder.path().join("000000.png").metadata().unwrap().len();
        for (key, value) in [
            ("file", serde_json::json!("000000.png")),
            ("seq", 0.into()),
            ("elapsed_us", 0.into()),
            ("format", "YUYV".into()),
            ("width", 64.into()),
            ("height", 48.into()),
            ("bytes", bytes.into()),
        ] {
            assert_eq!(lines[1][key], value, "{key}");
        }
    }

    #[test]
    fn a_loop_over_a_recording_goes_on_with_its_clock_and_a_cut_manifest_is_read_as_far_as_it_goes()
    {
        let folder = tempfile::tempdir().unwrap();
        let mut recorder = Recorder::create(folder.path(), LIMITS).unwrap();
        let (mut source, mut frame) = (synthetic(PixelFormat::Jpeg), Frame::empty());
        for _ in 0..3 {
            source.next(&mut frame).unwrap();
            recorder.write(&frame, status).unwrap();
        }
        let manifest = folder.path().join(manifest::NAME);
        let text = fs::read_to_string(&manifest).unwrap();
        fs::write(&manifest, &text[..text.len() - 20]).unwrap();
        let options = RecordingOptions {
            looping: true,
            ..RecordingOptions::default()
        };
        let mut replay = Recording::open(folder.path(), options).unwrap();
        assert!((replay.frame_rate() - 4.0).abs() < 1e-6);
        let mut times = Vec::new();
        for _ in 0..7 {
            assert_eq!(replay.next(&mut frame).unwrap(), Next::Frame);
            times.push(frame.captured.elapsed.as_millis());
        }
        assert_eq!(times, [0, 250, 500, 750, 1000, 1250, 1500]);
    }

    #[test]
    fn bounds_are_held_before_anything_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut frame = Frame::empty();
        synthetic(PixelFormat::Jpeg).next(&mut frame).unwrap();
        let limits = Limits {
            max_bytes: frame.data.len() as u64 + 400,
            ..LIMITS
        };
        let mut recorder = Recorder::create(folder.path(), limits).unwrap();
        assert_eq!(recorder.write(&frame, status).unwrap(), Written::Whole);
        assert_eq!(recorder.write(&frame, status).unwrap(), Written::Beyond);
        assert_eq!(names(folder.path()), ["000000.jpg", "manifest.jsonl"]);
        assert!(recorder.bytes() <= limits.max_bytes);

        let full = tempfile::tempdir().unwrap();
        let limits = Limits {
            keep_free: u64::MAX,
            ..LIMITS
        };
        let mut recorder = Recorder::create(full.path(), limits).unwrap();
        let refused = recorder.write(&frame, status).unwrap_err();
        assert!(matches!(refused, Error::Full { .. }), "{refused}");
        assert_eq!(names(full.path()), ["manifest.jsonl"]);
    }

    #[test]
    fn a_folder_with_something_in_it_and_a_file_in_its_place_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        fs::write(&file, "x").unwrap();
        let refuse = |path: &Path| Recorder::create(path, LIMITS).map(|_| ()).unwrap_err();
        assert!(matches!(refuse(folder.path()), Error::NotEmpty(_)));
        assert!(matches!(refuse(&file), Error::Io { .. }));
        assert!(Recorder::create(&folder.path().join("new/deep"), LIMITS).is_ok());
    }

    #[test]
    fn a_frame_that_cannot_be_written_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let full = Path::new("/dev/full");
        let error = fs::OpenOptions::new()
            .write(true)
            .open(full)
            .and_then(|mut file| file.write_all(b"x"))
            .unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOSPC));
        // The rename fails where its target is a folder with something in it.
        let (unfinished, target) = (folder.path().join(UNFINISHED), folder.path().join("a"));
        fs::create_dir_all(target.join("b")).unwrap();
        assert!(place(&unfinished, &target, b"x").is_err());
        assert_eq!(names(folder.path()), ["a"]);
        // A manifest that is full takes its frame with it.
        let mut recorder = Recorder::create(&folder.path().join("new"), LIMITS).unwrap();
        recorder.manifest = fs::OpenOptions::new().write(true).open(full).unwrap();
        let mut frame = Frame::empty();
        synthetic(PixelFormat::Jpeg).next(&mut frame).unwrap();
        let error = recorder.write(&frame, status).unwrap_err();
        assert!(
            matches!(&error, Error::Io { cause, .. } if cause.raw_os_error() == Some(libc::ENOSPC)),
            "{error}"
        );
        assert_eq!(names(&folder.path().join("new")), ["manifest.jsonl"]);
        assert_eq!((recorder.frames(), recorder.bytes()), (0, 0));
    }
}
