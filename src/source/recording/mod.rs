//! Pictures or a video in files, as a source.
//!
//! What a file is, is told by its first bytes, and by its name only where these do not say it:
//!
//! | recording | frames |
//! |---|---|
//! | directory | its `.jpg`, `.jpeg` and `.png` files in natural order (`2.jpg` before `10.jpg`), at the times of the manifest that [`Recorder`] writes, if one is there |
//! | JPEG or PNG file | that picture |
//! | `.mjpeg`, `.mjpg`: JPEG after JPEG | each picture |
//! | YUV4MPEG2 | each frame; 4:2:0, 4:2:2 or mono of 8 bits |
//! | any other video | what the user's own `ffmpeg` makes of it |
//!
//! JPEG pictures are handed on as they are and are decoded where a camera's are, so that a damaged
//! one shows there. A file that cannot be read, or is no picture, is counted, named in the log and
//! passed over.

mod container;
mod ffmpeg;
mod images;
pub(crate) mod manifest;
mod mjpeg;
mod png;
mod y4m;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use self::container::Container;
use super::{Error, Next, Source};
use crate::frame::{Captured, Frame};
use crate::meter::Tally;

/// The most bytes of one picture's file.
pub const MAX_FILE: u64 = 64 << 20;

/// How a recording is read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RecordingOptions {
    /// Frames a second, where the recording does not say it itself.
    pub frame_rate: f64,
    /// Whether it begins again at its end.
    pub looping: bool,
}

impl Default for RecordingOptions {
    fn default() -> Self {
        Self {
            frame_rate: 10.0,
            looping: false,
        }
    }
}

/// One kind of recording, from its beginning to its end.
trait Reader: Send {
    /// Fills the picture and the name of `frame`; a stream's frames have no name of their own.
    fn next(&mut self, frame: &mut Frame) -> Result<Fetched, Error>;

    /// Goes back to the beginning.
    fn rewind(&mut self) -> Result<(), Error>;

    /// How many frames there are, where that is known.
    fn len_hint(&self) -> Option<u64>;

    /// Frames a second, where the recording says it.
    fn frame_rate(&self) -> Option<f64>;

    /// When the last frame was captured, counted from the first, where the recording says it.
    fn captured(&self) -> Option<Captured> {
        None
    }
}

/// What a reader had next.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fetched {
    /// A frame that names itself.
    Named,
    /// A frame that has no name but its number.
    Numbered,
    /// Something that is no frame: the cause for the counters, and what is said about it.
    Bad(&'static str, String),
    /// Nothing.
    End,
}

/// A recording as a source. Its clock is that of its frames: each comes one over the frame rate
/// after the last.
pub struct Recording {
    path: PathBuf,
    name: String,
    reader: Box<dyn Reader>,
    looping: bool,
    frame_rate: f64,
    start: SystemTime,
    /// Frames offered so far.
    seq: u64,
    /// Of these, in this round.
    index: u64,
    /// Frames given in this round.
    given: u64,
    /// When this round began, and when its last frame was captured.
    round: Duration,
    last: Duration,
    passed_over: Tally,
}

impl Recording {
    /// Opens the recording at `path`.
    ///
    /// # Errors
    /// [`Error::Io`] when it is not there, [`Error::Empty`] when it has no frames,
    /// [`Error::Format`] when it is neither pictures nor video, [`Error::NoFfmpeg`] when it is a
    /// video that only ffmpeg reads.
    pub fn open(path: &Path, options: RecordingOptions) -> Result<Self, Error> {
        let io = |cause| Error::Io {
            path: path.into(),
            cause,
        };
        let metadata = path.metadata().map_err(io)?;
        let reader: Box<dyn Reader> = match Container::of(path, &metadata)? {
            Container::Directory => Box::new(images::Images::directory(path)?),
            Container::Image => Box::new(images::Images::one(path)),
            Container::Mjpeg => Box::new(mjpeg::Mjpeg::open(path)?),
            Container::Y4m => Box::new(y4m::Y4mFile::open(path)?),
            Container::Video => Box::new(ffmpeg::Ffmpeg::open(path)?),
        };
        let frame_rate = reader.frame_rate().unwrap_or(options.frame_rate);
        let usable = frame_rate.is_finite() && frame_rate > 0.0;
        Ok(Self {
            path: path.into(),
            name: path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into(),
            reader,
            looping: options.looping,
            frame_rate: if usable {
                frame_rate
            } else {
                RecordingOptions::default().frame_rate
            },
            start: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
            seq: 0,
            index: 0,
            given: 0,
            round: Duration::ZERO,
            last: Duration::ZERO,
            passed_over: Tally::new(),
        })
    }

    /// How many frames one round has, those that cannot be read among them, where that is known
    /// beforehand.
    pub fn len_hint(&self) -> Option<u64> {
        self.reader.len_hint()
    }

    /// Frames a second.
    pub fn frame_rate(&self) -> f64 {
        self.frame_rate
    }

    /// Fills in what does not depend on the kind of recording.
    fn stamp(&mut self, frame: &mut Frame, numbered: bool) {
        if numbered {
            frame.name.clear();
            // Writing to a string cannot fail.
            let _ = write!(frame.name, "{}#{}", self.name, self.index);
        }
        frame.seq = self.seq;
        let elapsed = Duration::try_from_secs_f64(self.seq as f64 / self.frame_rate);
        frame.captured.elapsed = elapsed.unwrap_or(Duration::MAX);
        let wall = self.start.checked_add(frame.captured.elapsed);
        frame.captured.wall = wall.unwrap_or(self.start);
        if let Some(captured) = self.reader.captured() {
            frame.captured.elapsed = self.round + captured.elapsed;
            frame.captured.wall = captured.wall + self.round;
        }
        self.last = frame.captured.elapsed;
    }

    /// Begins the next round, unless the last one had nothing to show: it would never end.
    fn again(&mut self) -> Result<bool, Error> {
        if self.seq == 0 {
            return Err(Error::Empty {
                path: self.path.clone(),
                looked_for: "it has no frames",
            });
        }
        if !self.looping || self.given == 0 {
            return Ok(false);
        }
        self.reader.rewind()?;
        (self.index, self.given) = (0, 0);
        let interval = Duration::try_from_secs_f64(1.0 / self.frame_rate);
        self.round = self.last + interval.unwrap_or_default();
        Ok(true)
    }
}

impl Source for Recording {
    fn next(&mut self, frame: &mut Frame) -> Result<Next, Error> {
        loop {
            match self.reader.next(frame)? {
                Fetched::End => {
                    if !self.again()? {
                        return Ok(Next::End);
                    }
                    continue;
                }
                Fetched::Bad(cause, what) => {
                    self.passed_over.add(cause);
                    log::warn!("{what}; passed over");
                }
                fetched => {
                    self.stamp(frame, fetched == Fetched::Numbered);
                    self.seq += 1;
                    self.index += 1;
                    self.given += 1;
                    return Ok(Next::Frame);
                }
            }
            self.seq += 1;
            self.index += 1;
        }
    }

    fn passed_over(&self) -> &Tally {
        &self.passed_over
    }
}

#[cfg(test)]
mod tests;
