//! Opening a recording: which reader its path needs.

use std::path::Path;
use std::time::{Duration, SystemTime};

use super::container::Container;
use super::pipe::Pipe;
use super::reader::Reader;
use super::{Recording, RecordingOptions, ffmpeg, images, mjpeg, y4m};
use crate::frame::Limit;
use crate::meter::Tally;
use crate::signals::Stop;
use crate::source::Error;

impl Recording {
    /// Opens the recording at `path`, as [`Recording::open_until`] does without a stop.
    ///
    /// # Errors
    /// As there.
    pub fn open(path: &Path, options: RecordingOptions) -> Result<Self, Error> {
        Self::open_until(path, options, &Stop::default())
    }

    /// Opens the recording at `path`; `-` is standard input. The beginning of a stream and of a
    /// video is waited for until `stop` is requested.
    ///
    /// # Errors
    /// [`Error::Io`] if it is not there, [`Error::Empty`] if it has no frames, [`Error::Format`] if
    /// it is neither pictures nor video, [`Error::NoFfmpeg`] if only ffmpeg could read it,
    /// [`Error::Network`] for an address, [`Error::Interrupted`].
    pub fn open_until(path: &Path, options: RecordingOptions, stop: &Stop) -> Result<Self, Error> {
        if let Some(pipe) = Pipe::named(path)? {
            if options.looping {
                log::warn!(
                    "{}: a stream cannot be read again, so source.at_end = \"loop\" has no effect",
                    path.display()
                );
            }
            let options = RecordingOptions {
                looping: false,
                ..options
            };
            let stream = Box::new(pipe.open(stop)?);
            return Ok(Self::of(path, stream, options, SystemTime::now()));
        }
        // A regular file as standard input.
        let path = if path == Path::new("-") {
            Path::new("/dev/stdin")
        } else {
            path
        };
        let metadata = path.metadata().map_err(|cause| missing(path, cause))?;
        let container = Container::of(path, &metadata)?;
        let reader: Box<dyn Reader> = match container {
            Container::Directory => Box::new(images::Images::directory(path)?),
            Container::Image => Box::new(images::Images::one(path)),
            Container::Mjpeg => Box::new(mjpeg::Mjpeg::open(path)?),
            Container::Y4m => Box::new(y4m::Y4mFile::open(path)?),
            Container::Foreign(kind) => Box::new(ffmpeg::Ffmpeg::open(path, kind, stop)?),
        };
        let start = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        Ok(Self {
            folder: container == Container::Directory,
            many: !matches!(container, Container::Directory | Container::Image),
            ..Self::of(path, reader, options, start)
        })
    }

    /// Whether `path` is a pipe, which can be read once.
    pub(crate) fn is_stream(path: &Path) -> Result<bool, Error> {
        Pipe::named(path).map(|pipe| pipe.is_some())
    }

    fn of(
        path: &Path,
        reader: Box<dyn Reader>,
        options: RecordingOptions,
        start: SystemTime,
    ) -> Self {
        let stored = options.pace.or_else(|| reader.frame_rate());
        let frame_rate = stored.unwrap_or(options.frame_rate);
        let usable = frame_rate.is_finite() && frame_rate > 0.0;
        Self {
            path: path.into(),
            name: match path.to_string_lossy() {
                name if name == "-" => "stdin".into(),
                name => name.into(),
            },
            folder: false,
            many: true,
            reader,
            options,
            frame_rate: if usable {
                frame_rate
            } else {
                RecordingOptions::default().frame_rate
            },
            start,
            seq: 0,
            given: 0,
            round: Duration::ZERO,
            last: Duration::ZERO,
            limit: Limit::FILE,
            budget: None,
            passed_over: Tally::new(),
        }
    }
}

/// Why the recording at `path` cannot be found.
fn missing(path: &Path, cause: std::io::Error) -> Error {
    match path.to_str() {
        Some(text) if is_address(text) => Error::Network(text.into()),
        _ => Error::Io {
            path: path.into(),
            cause,
        },
    }
}

/// Whether `text` is an address such as `rtsp://camera/stream`.
pub(in crate::source) fn is_address(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, rest)| {
        let letters = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(letters)
            && !rest.is_empty()
    })
}
