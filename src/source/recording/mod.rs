//! Pictures or a video in files, as a source.
//!
//! A file is recognised by its first bytes, and by its name only where they do not tell:
//!
//! | recording | frames |
//! |---|---|
//! | directory | its visible `.jpg`, `.jpeg` and `.png` files in the order of their numbers (`2.jpg` before `010.jpg`), at the times of the manifest that `goldcrest record` writes, if there is one |
//! | JPEG or PNG file | that picture |
//! | `.mjpeg`, `.mjpg`: JPEG after JPEG | each picture |
//! | YUV4MPEG2 | each frame; 4:2:0, 4:2:2 or mono of 8 bits |
//! | FIFO, or `-` for standard input | those of the Y4M or MJPEG stream that comes, of unknown length |
//! | `http://` or `https://` address | the pictures of its answer |
//! | any other address | as the user's own `ffmpeg` reads it |
//! | any other video, and a single WebP, BMP, GIF, TIFF, HEIC or AVIF picture | as the user's own `ffmpeg` decodes it |
//!
//! JPEG pictures are handed on undecoded, as a camera's are, so that a damaged one is found in the
//! same place. A file that cannot be read, or is not a picture, is counted, logged and passed over.
//!
//! A recording is a film or a set of unrelated pictures; see [`Recording::is_film`].

mod address;
mod clock;
mod container;
mod ffmpeg;
mod file;
mod folder;
mod images;
pub(crate) mod manifest;
mod mjpeg;
mod names;
mod open;
mod pipe;
mod png;
mod reader;
mod stream;
mod y4m;

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

pub(crate) use self::address::{is_address, is_web, shown_path};
pub(crate) use self::container::Named;
use self::reader::Reader;
use super::parse::Fetched;
use super::{Error, Footprint, Next, Source};
use crate::frame::{Frame, Limit, PixelFormat, jpeg};
use crate::meter::{Tally, process};

/// How to read a recording.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RecordingOptions {
    /// Frames a second, where the recording does not store it.
    pub frame_rate: f64,
    /// Frames a second, whatever the recording stores.
    pub pace: Option<f64>,
    /// Whether it starts again at its end.
    pub looping: bool,
}

impl Default for RecordingOptions {
    fn default() -> Self {
        Self {
            frame_rate: 10.0,
            pace: None,
            looping: false,
        }
    }
}

/// A recording as a source. Its clock is that of its frames: one frame interval passes from each to
/// the next.
pub struct Recording {
    path: PathBuf,
    /// `path` as text.
    name: String,
    folder: bool,
    /// Whether the path is that of a file with many frames.
    many: bool,
    reader: Box<dyn Reader>,
    options: RecordingOptions,
    frame_rate: f64,
    start: SystemTime,
    /// Frames offered so far.
    seq: u64,
    /// Frames of this round that were pictures.
    given: u64,
    /// When this round began, and when its last frame was captured.
    round: Duration,
    last: Duration,
    /// What a JPEG may cost.
    limit: Limit,
    /// Bytes that this process is meant to keep to, until the log said that a picture exceeds it.
    budget: Option<usize>,
    passed_over: Tally,
}

impl Recording {
    /// Returns true if its frames follow one another in time, so that it makes sense to smooth
    /// their scores and to count those that agree. Streams, videos and folders with a manifest are
    /// such films, and so is any folder whose frames the user has `paced`. Other pictures have
    /// nothing to do with each other.
    pub(crate) fn is_film(&self, paced: bool) -> bool {
        self.reader.is_film() || (self.folder && paced)
    }

    /// Returns true if one file or pipe holds many frames, false if each frame is a file.
    pub(crate) fn is_one_file_of_many(&self) -> bool {
        self.many
    }

    /// The number of frames of one round, including those that cannot be read, where it is known in
    /// advance.
    pub(crate) fn len_hint(&self) -> Option<u64> {
        self.reader.len_hint()
    }

    /// Frames a second.
    pub(crate) fn frame_rate(&self) -> f64 {
        self.frame_rate
    }

    /// The memory that its frames take, from headers and file sizes: reads a bounded amount and
    /// waits for no frame. From here on frames that take more are passed over.
    pub fn bounded(&mut self) -> Footprint {
        let footprint = self.reader.footprint();
        self.reader.limit(footprint);
        self.limit = Limit {
            width: footprint.width,
            height: footprint.height,
            bytes: footprint.frame,
            whole: footprint.whole,
        };
        footprint
    }

    /// Logs the first picture whose decoding exceeds `budget` bytes of resident memory. A command
    /// that a person starts goes on; a daemon of that budget would not take the recording.
    pub(crate) fn heed(&mut self, budget: usize) {
        self.budget = Some(budget);
    }

    /// Compares what decoding `frame` takes with the budget.
    fn compare(&mut self, frame: &Frame) {
        let Some(budget) = self.budget else { return };
        let whole = match frame.format {
            PixelFormat::Jpeg => jpeg::outline(&frame.data).map_or(0, |found| found.whole),
            _ => 0,
        };
        if whole > 0 && resident() + whole > budget {
            self.budget = None;
            log::warn!(
                "{}: the picture is progressive or in several scans, and decoding it takes {} MiB: \
                 more than memory.budget_mb leaves; a daemon would refuse it",
                frame.name,
                whole >> 20
            );
        }
    }

    /// Fills in what does not depend on the container.
    fn stamp(&mut self, frame: &mut Frame) {
        frame.seq = self.seq;
        frame.limit = self.limit;
        let elapsed = Duration::try_from_secs_f64(self.seq as f64 / self.frame_rate);
        frame.captured.elapsed = elapsed.unwrap_or(Duration::MAX);
        let wall = self.start.checked_add(frame.captured.elapsed);
        frame.captured.wall = wall.unwrap_or(self.start);
        let stored = self.reader.captured();
        if let Some(captured) = stored.filter(|_| self.options.pace.is_none()) {
            frame.captured.elapsed = self.round + captured.elapsed;
            frame.captured.wall = captured.wall + self.round;
        }
        self.last = frame.captured.elapsed;
    }

    /// Begins the next round. Refuses after a round without a single frame: the loop would never
    /// end.
    fn again(&mut self) -> Result<bool, Error> {
        if self.seq == 0 {
            return Err(Error::Empty {
                path: self.path.clone(),
                reason: "it has no frames",
            });
        }
        if !self.options.looping {
            return Ok(false);
        }
        if self.given == 0 {
            return Err(Error::Empty {
                path: self.path.clone(),
                reason: "none of its frames can be read, so there is nothing to repeat",
            });
        }
        self.reader.rewind()?;
        self.given = 0;
        let interval = Duration::try_from_secs_f64(1.0 / self.frame_rate);
        self.round = self.last + interval.unwrap_or_default();
        Ok(true)
    }

    /// Fills `frame` with the next picture, or tells what stands in its place. The number, the time
    /// and the name of `frame` are those of the place in either case.
    ///
    /// # Errors
    /// Final ones only.
    pub(crate) fn step(&mut self, frame: &mut Frame) -> Result<Fetched, Error> {
        loop {
            frame.name.clear();
            frame.name.push_str(&self.name);
            let fetched = self.reader.next(frame)?;
            match &fetched {
                Fetched::End if self.again()? => continue,
                Fetched::End | Fetched::Idle => return Ok(fetched),
                Fetched::Lost { count, cause } => {
                    self.passed_over.add_many(cause, *count);
                    self.seq += count;
                    return Ok(fetched);
                }
                Fetched::Bad { cause, .. } => {
                    self.passed_over.add(cause);
                }
                Fetched::Frame => {
                    self.given += 1;
                    self.compare(frame);
                }
            }
            self.stamp(frame);
            self.seq += 1;
            return Ok(fetched);
        }
    }
}

/// Bytes that are resident now.
fn resident() -> usize {
    (process::resident().rss_mb * f64::from(1 << 20)) as usize
}

impl Source for Recording {
    fn next(&mut self, frame: &mut Frame) -> Result<Next, Error> {
        loop {
            match self.step(frame)? {
                Fetched::Frame => return Ok(Next::Frame),
                Fetched::Idle => return Ok(Next::Idle),
                Fetched::End => return Ok(Next::End),
                Fetched::Lost { .. } => {}
                Fetched::Bad { message, .. } => {
                    log::warn!("{}: {message}; passed over", frame.name);
                }
            }
        }
    }

    fn passed_over(&self) -> &Tally {
        &self.passed_over
    }
}

#[cfg(test)]
mod tests;
