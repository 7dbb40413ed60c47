//! Picture files, one a frame.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt::Display;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::container::{self, ending, is_image};
use super::reader::{Fetched, MAX_FILE, Reader};
use super::{manifest, png};
use crate::frame::{Captured, Colour, Frame, PixelFormat, jpeg};
use crate::source::{Error, Footprint};

/// The first bytes of a JPEG file, in which its size is looked for: cameras put previews and notes
/// before it.
const JPEG_HEAD: u64 = 1 << 20;

/// The pictures of a directory, or a single one.
pub(super) struct Images {
    files: Vec<PathBuf>,
    /// Whether a manifest tells that the pictures follow one another.
    listed: bool,
    /// When each was captured, where the manifest lists it.
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
            let name = file.file_name().unwrap_or_default();
            // Hidden files, such as the `._1.jpg` that macOS puts beside 1.jpg, are no frames.
            if name == manifest::NAME || name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            // A pipe, a socket or a device is no picture. Of what is not there or cannot be asked,
            // such as a broken link, reading tells.
            let regular = file.metadata().map_or(true, |found| found.is_file());
            if !regular || !is_image(&ending(&file)) {
                others += 1;
            } else {
                files.push(file);
            }
        }
        if files.is_empty() {
            return Err(Error::Empty {
                path: path.into(),
                reason: "the directory has no .jpg, .jpeg or .png files",
            });
        }
        if others > 0 {
            log::info!(
                "{}: ignoring {others} entries that are not pictures",
                path.display()
            );
        }
        files.sort_by(|a, b| natural(a, b));
        let listed = manifest::read(path).map_err(io)?;
        Ok(Self {
            listed: listed.is_some(),
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
            listed: false,
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
        frame.name.clear();
        frame.name.push_str(&path.to_string_lossy());
        let bad = |cause, what: &dyn Display| {
            let message = what.to_string();
            Ok(Fetched::Bad { cause, message })
        };
        if let Err(refused) = read(path, frame.data.own()) {
            return bad(refused.cause(), &refused);
        }
        if frame.data.starts_with(container::JPEG) {
            as_jpeg(frame);
        } else if frame.data.starts_with(container::PNG) {
            std::mem::swap(&mut self.file, frame.data.own());
            if let Err(refused) = png::decode(&self.file, frame) {
                return bad(refused.cause(), &refused);
            }
        } else {
            return bad("format", &"the file is neither JPEG nor PNG");
        }
        Ok(Fetched::Frame)
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

    fn is_film(&self) -> bool {
        self.listed
    }

    fn captured(&self) -> Option<Captured> {
        self.times.get(self.next.checked_sub(1)?).copied()
    }

    /// The largest file, or the pixels of the largest PNG; the width is that of the first JPEG
    /// whose header can be read, or of the widest PNG.
    fn footprint(&self) -> Footprint {
        self.files.iter().fold(Footprint::default(), |all, file| {
            // A file that cannot be read gives no frame either.
            let one = measure(file, all.width == 0).unwrap_or_default();
            all.max(one)
        })
    }
}

/// The natural order of names: numbers by their value, however many zeros they begin with, and all
/// else without regard to case.
fn natural(a: &Path, b: &Path) -> Ordering {
    fn name(path: &Path) -> Cow<'_, str> {
        path.file_name().unwrap_or_default().to_string_lossy()
    }
    let (a_name, b_name) = (name(a), name(b));
    let (mut a_rest, mut b_rest) = (&*a_name, &*b_name);
    loop {
        let ((a_digits, a_after), (b_digits, b_after)) = (digits(a_rest), digits(b_rest));
        let order = if a_digits.is_empty() || b_digits.is_empty() {
            let mut a_chars = a_rest.chars();
            let mut b_chars = b_rest.chars();
            let (Some(x), Some(y)) = (a_chars.next(), b_chars.next()) else {
                // One is the beginning of the other, or they differ in zeros or case alone.
                return a_rest.len().cmp(&b_rest.len()).then_with(|| a.cmp(b));
            };
            (a_rest, b_rest) = (a_chars.as_str(), b_chars.as_str());
            x.to_lowercase().cmp(y.to_lowercase())
        } else {
            (a_rest, b_rest) = (a_after, b_after);
            let [x, y] = [a_digits, b_digits].map(|digits| digits.trim_start_matches('0'));
            x.len().cmp(&y.len()).then_with(|| x.cmp(y))
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// The digits that `text` begins with, and the rest.
fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit());
    text.split_at(end.unwrap_or(text.len()))
}

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("this is not a regular file")]
    NotFile,
    #[error("the file is empty")]
    Empty,
    #[error("the file has more than {} MiB", MAX_FILE >> 20)]
    TooLarge,
}

impl Unreadable {
    /// A short name of the cause, for counters.
    fn cause(&self) -> &'static str {
        match self {
            Self::Io(_) | Self::NotFile => "unreadable",
            Self::Empty => "empty",
            Self::TooLarge => "too-large",
        }
    }
}

/// Opens the file at `path` and returns it with its length. A pipe is refused: to open or to read
/// it could wait without end.
fn open(path: &Path) -> Result<(File, u64), Unreadable> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)?;
    let metadata = file.metadata()?;
    match metadata.len() {
        _ if !metadata.is_file() => Err(Unreadable::NotFile),
        0 => Err(Unreadable::Empty),
        length if length > MAX_FILE => Err(Unreadable::TooLarge),
        length => Ok((file, length)),
    }
}

/// Reads the file at `path` into `data`.
fn read(path: &Path, data: &mut Vec<u8>) -> Result<(), Unreadable> {
    data.clear();
    let (file, _) = open(path)?;
    // The file may grow meanwhile.
    file.take(MAX_FILE).read_to_end(data)?;
    Ok(())
}

/// The memory that the picture at `path` takes. The width of a JPEG picture is read only if it is
/// `wanted`.
fn measure(path: &Path, wanted: bool) -> Result<Footprint, Unreadable> {
    let (file, length) = open(path)?;
    let mut head = Vec::new();
    (&file).take(png::HEAD as u64).read_to_end(&mut head)?;
    let mut footprint = Footprint {
        device: 0,
        frame: usize::try_from(length).unwrap_or(usize::MAX),
        width: 0,
    };
    if let Some((width, height)) = png::size(&head) {
        footprint.frame = footprint.frame.max(width * height * 3);
        footprint.width = width;
    } else if wanted && head.starts_with(container::JPEG) {
        file.take(JPEG_HEAD).read_to_end(&mut head)?;
        footprint.width = jpeg::size(&head).map_or(0, |(width, _)| width);
    }
    Ok(footprint)
}

/// When each of `files` was captured. A file that is not `listed` counts as taken at the mean
/// interval after the one before, and none goes back in time. Empty if no file is listed.
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

/// Describes `frame`, whose data are a JPEG picture, as far as its header tells.
pub(super) fn as_jpeg(frame: &mut Frame) {
    frame.format = PixelFormat::Jpeg;
    (frame.width, frame.height) = jpeg::size(&frame.data).unwrap_or_default();
    frame.stride = 0;
    frame.colour = Colour {
        full_range: true,
        ..Colour::default()
    };
}
