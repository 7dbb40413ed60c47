//! One picture file: opened without waiting, read into a frame, measured by its header.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::{container, png};
use crate::frame::{Frame, jpeg};
use crate::source::Footprint;
use crate::source::parse::MAX_FILE;

/// The first bytes of a file, which hold the size of most pictures.
const HEAD: usize = 4 << 10;
const _: () = assert!(HEAD >= png::HEAD);

/// The first bytes of a JPEG file, in which its size is looked for: cameras put previews and notes
/// before it.
const JPEG_HEAD: u64 = 1 << 20;

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("this is not a regular file")]
    NotFile,
    #[error("the file is empty")]
    Empty,
    #[error("the file has more than {} KiB", .0 >> 10)]
    TooLarge(u64),
}

impl Unreadable {
    /// A short name of the cause, for counters.
    pub fn cause(&self) -> &'static str {
        match self {
            Self::Io(_) | Self::NotFile => "unreadable",
            Self::Empty => "empty",
            Self::TooLarge(_) => "too-large",
        }
    }
}

/// Opens the file at `path`, of at most `most` bytes, and returns it with its length. A pipe is
/// refused: to open or to read it could wait without end.
fn open(path: &Path, most: u64) -> Result<(File, u64), Unreadable> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)?;
    let metadata = file.metadata()?;
    match metadata.len() {
        _ if !metadata.is_file() => Err(Unreadable::NotFile),
        0 => Err(Unreadable::Empty),
        length if length > most => Err(Unreadable::TooLarge(most)),
        length => Ok((file, length)),
    }
}

/// Reads the picture file at `path`, of at most `most` bytes: a PNG file into `file`, all others
/// into `frame`. Returns whether it is a PNG file.
pub(super) fn read(
    path: &Path,
    most: u64,
    frame: &mut Frame,
    file: &mut Vec<u8>,
) -> Result<bool, Unreadable> {
    frame.data.own().clear();
    let (mut opened, length) = open(path, most)?;
    let mut head = [0; container::PNG.len()];
    let got = read_up_to(&mut opened, &mut head)?;
    let png = head[..got] == *container::PNG;
    // Room for all of it, and not for twice as much.
    let length = usize::try_from(length).unwrap_or(0).max(got);
    let data = if png {
        file.clear();
        if file.capacity() < length {
            *file = Vec::with_capacity(length);
        }
        file
    } else {
        frame.data.cleared(length)
    };
    data.extend(&head[..got]);
    // The file may grow meanwhile.
    opened
        .take(most.saturating_sub(got as u64))
        .read_to_end(data)?;
    Ok(png)
}

/// Fills the beginning of `to` as far as the file goes; returns how far.
fn read_up_to(file: &mut File, to: &mut [u8]) -> io::Result<usize> {
    let mut got = 0;
    while got < to.len() {
        match file.read(&mut to[got..]) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(got)
}

/// The memory that the picture at `path` takes. `head` is a buffer for its first bytes.
pub(super) fn measure(path: &Path, head: &mut Vec<u8>) -> Result<Footprint, Unreadable> {
    let (mut file, length) = open(path, MAX_FILE)?;
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    head.resize(HEAD, 0);
    let got = read_up_to(&mut file, head)?;
    head.truncate(got);
    if let Some(footprint) = png::footprint(head, length) {
        return Ok(footprint);
    }
    let mut outline = jpeg::outline(head);
    if outline.is_none() && head.starts_with(container::JPEG) {
        file.take(JPEG_HEAD).read_to_end(head)?;
        outline = jpeg::outline(head);
        *head = Vec::new();
    }
    let outline = outline.unwrap_or_default();
    Ok(Footprint {
        frame: length,
        whole: outline.whole,
        width: outline.width,
        height: outline.height,
        ..Footprint::default()
    })
}
