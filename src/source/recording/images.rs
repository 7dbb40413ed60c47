//! Picture files, one a frame.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::container::{self, ending, is_image};
use super::{Error, Fetched, MAX_FILE, Reader, manifest, png};
use crate::frame::{Captured, Colour, Frame, PixelFormat, jpeg};

/// The pictures of a directory, or a single one.
pub(super) struct Images {
    files: Vec<PathBuf>,
    /// When each was captured, where a manifest says it.
    times: Vec<Captured>,
    next: usize,
    /// A PNG file as it was read.
    file: Vec<u8>,
}

impl Images {
    /// The pictures of a directory, in natural order.
    pub fn directory(path: &Path) -> Result<Self, Error> {
        let io = |cause| Error::Io {
            path: path.into(),
            cause,
        };
        let mut files = Vec::new();
        let mut others = 0;
        for entry in fs::read_dir(path).map_err(io)? {
            let file = entry.map_err(io)?.path();
            if file.file_name() == Some(manifest::NAME.as_ref()) {
                continue;
            }
            if file.is_dir() || !is_image(&ending(&file)) {
                others += 1;
            } else {
                files.push(file);
            }
        }
        if files.is_empty() {
            return Err(Error::Empty {
                path: path.into(),
                looked_for: "the directory has no .jpg, .jpeg or .png files",
            });
        }
        if others > 0 {
            log::info!(
                "{}: {others} entries that are no pictures are left out",
                path.display()
            );
        }
        files.sort_by(|a, b| {
            let (a_name, b_name) = (a.to_string_lossy(), b.to_string_lossy());
            natord::compare(&a_name, &b_name).then_with(|| a.cmp(b))
        });
        let listed = manifest::read(path).map_err(io)?;
        Ok(Self {
            times: listed.map_or_else(Vec::new, |listed| times(&files, &listed)),
            files,
            next: 0,
            file: Vec::new(),
        })
    }

    /// One picture.
    pub fn one(path: &Path) -> Self {
        Self {
            files: vec![path.into()],
            times: Vec::new(),
            next: 0,
            file: Vec::new(),
        }
    }
}

impl Reader for Images {
    fn next(&mut self, frame: &mut Frame) -> Result<Fetched, Error> {
        let Some(path) = self.files.get(self.next) else {
            return Ok(Fetched::End);
        };
        self.next += 1;
        let bad = |cause, what: &dyn std::fmt::Display| {
            Ok(Fetched::Bad(cause, format!("{}: {what}", path.display())))
        };
        if let Err(error) = read(path, frame.data.own()) {
            return bad("unreadable", &error);
        }
        if frame.data.is_empty() {
            return bad("empty", &"the file is empty");
        }
        if frame.data.len() as u64 > MAX_FILE {
            return bad(
                "too-large",
                &format_args!("the file has more than {} MiB", MAX_FILE >> 20),
            );
        }
        if frame.data.starts_with(container::JPEG) {
            as_jpeg(frame);
        } else if frame.data.starts_with(container::PNG) {
            std::mem::swap(&mut self.file, frame.data.own());
            if let Err((cause, what)) = png::decode(&self.file, frame) {
                return bad(cause, &what);
            }
        } else {
            return bad("format", &"the file is neither JPEG nor PNG");
        }
        frame.name.clear();
        frame
            .name
            .push_str(&path.file_name().unwrap_or_default().to_string_lossy());
        Ok(Fetched::Named)
    }

    fn rewind(&mut self) -> Result<(), Error> {
        self.next = 0;
        Ok(())
    }

    fn len_hint(&self) -> Option<u64> {
        Some(self.files.len() as u64)
    }

    fn frame_rate(&self) -> Option<f64> {
        let (first, last) = (self.times.first()?, self.times.last()?);
        let took = (last.elapsed - first.elapsed).as_secs_f64();
        (took > 0.0).then(|| (self.times.len() - 1) as f64 / took)
    }

    fn captured(&self) -> Option<Captured> {
        self.times.get(self.next.checked_sub(1)?).copied()
    }
}

/// When each of `files` was captured. One that is not `listed` counts as taken at the mean interval
/// after the one before, and none goes back in time; nothing where not one is listed.
fn times(files: &[PathBuf], listed: &HashMap<String, Captured>) -> Vec<Captured> {
    let of = |file: &PathBuf| listed.get(file.file_name()?.to_str()?).copied();
    let known: Vec<_> = files.iter().filter_map(of).collect();
    let (Some(&first), Some(last)) = (known.first(), known.last()) else {
        return Vec::new();
    };
    let steps = u32::try_from(known.len() - 1).unwrap_or(u32::MAX).max(1);
    let interval = last.elapsed.saturating_sub(first.elapsed) / steps;
    let mut time = first;
    let times = files.iter().enumerate().map(|(i, file)| {
        match of(file).filter(|known| known.elapsed >= time.elapsed) {
            Some(known) => time = known,
            None if i > 0 => {
                time.elapsed += interval;
                time.wall += interval;
            }
            None => {}
        }
        time
    });
    times.collect()
}

/// Says of `frame`, whose data are a JPEG picture, what can be said without decoding it.
pub(super) fn as_jpeg(frame: &mut Frame) {
    frame.format = PixelFormat::Jpeg;
    (frame.width, frame.height) = jpeg::size(&frame.data).unwrap_or_default();
    frame.stride = 0;
    frame.colour = Colour {
        full_range: true,
        ..Colour::default()
    };
}

/// Reads the file at `path` into `data`, one byte more than [`MAX_FILE`] at most.
fn read(path: &Path, data: &mut Vec<u8>) -> io::Result<()> {
    data.clear();
    File::open(path)?.take(MAX_FILE + 1).read_to_end(data)?;
    Ok(())
}
