//! Streams from a pipe: standard input or a FIFO.

use std::fs::File;
use std::io::{self, BufReader, Chain, Cursor, IsTerminal, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use super::container::{self, is_container, kind_of};
use super::mjpeg::Mjpeg;
use super::reader::Reader;
use super::stream::Stream;
use super::y4m::Y4mFile;
use crate::signals::Stop;
use crate::source::Error;
use crate::source::parse::Input;

/// Bytes that a pipe is read ahead.
const AHEAD: usize = 64 << 10;
/// Bytes from which a format is recognised.
const HEAD: usize = 16;

/// A pipe whose first bytes were read already.
type Piped = BufReader<Chain<Cursor<Vec<u8>>, File>>;

impl Input for Piped {
    fn back(&mut self, _to: u64) -> io::Result<()> {
        Err(io::ErrorKind::NotSeekable.into())
    }
}

/// Where a stream comes from.
pub(super) enum Pipe {
    Stdin,
    Fifo(PathBuf),
}

impl Pipe {
    /// The pipe that `path` names; `None` if it names none. `-` is standard input.
    ///
    /// # Errors
    /// A terminal.
    pub fn named(path: &Path) -> Result<Option<Self>, Error> {
        if path == Path::new("-") || path == Path::new("/dev/stdin") {
            let stdin = io::stdin();
            if stdin.is_terminal() {
                return Err(Error::Format {
                    path: path.into(),
                    message: "standard input is a terminal; pipe a Y4M or MJPEG stream into it"
                        .into(),
                });
            }
            let file = stdin.as_fd().try_clone_to_owned().map(File::from);
            let regular = file
                .and_then(|file| file.metadata())
                .is_ok_and(|m| m.is_file());
            return Ok((!regular).then_some(Self::Stdin));
        }
        let fifo = path.metadata().is_ok_and(|m| m.file_type().is_fifo());
        Ok(fifo.then(|| Self::Fifo(path.into())))
    }

    /// Waits for the beginning of the stream, and reads it.
    pub fn open(self, stop: &Stop) -> Result<Stream, Error> {
        let path = match &self {
            Self::Stdin => PathBuf::from("-"),
            Self::Fifo(path) => path.clone(),
        };
        let from = path.clone();
        Stream::open(&path, stop, move || {
            let io = |cause| Error::Io {
                path: from.clone(),
                cause,
            };
            let file = match &self {
                Self::Stdin => File::from(io::stdin().as_fd().try_clone_to_owned().map_err(io)?),
                Self::Fifo(path) => File::open(path).map_err(io)?,
            };
            let (head, input) = begin(file).map_err(io)?;
            reader(&from, &head, input)
        })
    }
}

/// Reads the first bytes, and puts them before the rest.
fn begin(mut file: File) -> io::Result<(Vec<u8>, Piped)> {
    let mut head = Vec::with_capacity(HEAD);
    (&mut file).take(HEAD as u64).read_to_end(&mut head)?;
    let all = Cursor::new(head.clone()).chain(file);
    Ok((head, BufReader::with_capacity(AHEAD, all)))
}

/// The reader of a stream that begins with `head`.
fn reader(path: &Path, head: &[u8], input: Piped) -> Result<Box<dyn Reader>, Error> {
    if head.is_empty() {
        return Err(Error::Empty {
            path: path.into(),
            reason: "the stream ended before its first byte",
        });
    }
    if head.starts_with(container::Y4M) {
        return Ok(Box::new(Y4mFile::stream(path, input)?));
    }
    // A multipart body, as network cameras send it, begins with its boundary.
    if head.starts_with(container::JPEG) || head.starts_with(b"--") {
        return Ok(Box::new(Mjpeg::stream(path, input)?));
    }
    let what = kind_of(head).unwrap_or(if is_container(head) {
        "a video file"
    } else {
        "of an unknown kind"
    });
    Err(Error::Format {
        path: path.into(),
        message: format!(
            "the stream is {what}, and only Y4M and MJPEG are read from a pipe; convert it: \
             ffmpeg -i INPUT -pix_fmt yuv420p -f yuv4mpegpipe - | goldcrest replay -"
        ),
    })
}
