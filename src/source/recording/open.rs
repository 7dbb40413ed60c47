//! Opening a recording: which reader its path or address needs.

use std::path::Path;
use std::time::{Duration, SystemTime};

use super::container::Container;
use super::pipe::Pipe;
use super::reader::Reader;
use super::{Recording, RecordingOptions, address, ffmpeg, images, mjpeg, y4m};
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
    /// [`Error::Lost`] for an address that gives nothing, [`Error::Interrupted`].
    pub fn open_until(path: &Path, options: RecordingOptions, stop: &Stop) -> Result<Self, Error> {
        let stream: Option<Box<dyn Reader>> = match address::named(path) {
            Some(text) => Some(address::open(text, stop)?),
            None => match Pipe::named(path)? {
                Some(pipe) => Some(Box::new(pipe.open(stop)?)),
                None => None,
            },
        };
        if let Some(stream) = stream {
            return Ok(Self::of_stream(path, stream, options));
        }
        // A regular file as standard input.
        let path = if path == Path::new("-") {
            Path::new("/dev/stdin")
        } else {
            path
        };
        let metadata = path.metadata().map_err(|cause| Error::Io {
            path: path.into(),
            cause,
        })?;
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

    /// Whether `path` is a pipe or an address, which can be read once.
    pub(crate) fn is_stream(path: &Path) -> Result<bool, Error> {
        if address::named(path).is_some() {
            return Ok(true);
        }
        Pipe::named(path).map(|pipe| pipe.is_some())
    }

    /// What comes once.
    fn of_stream(path: &Path, stream: Box<dyn Reader>, options: RecordingOptions) -> Self {
        let path = address::shown_path(path);
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
        Self::of(&path, stream, options, SystemTime::now())
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
