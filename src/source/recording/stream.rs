//! A stream that a thread of its own reads, so that whoever asks for frames never waits long.
//!
//! The frame to fill travels to the thread and back, so no more frames are under way than without
//! it. Nothing waits for the thread at the end: one that hangs in a read ends with the process.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use super::reader::Reader;
use crate::frame::Frame;
use crate::signals::Stop;
use crate::source::parse::Fetched;
use crate::source::{Error, Footprint};
use crate::threads::{self, End};

/// The longest that one call waits.
const SLICE: Duration = Duration::from_millis(200);
/// The time after which the log says what is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is known of a stream once its beginning was read.
#[derive(Clone, Copy, Debug)]
struct Opened {
    frame_rate: Option<f64>,
    is_film: bool,
    footprint: Footprint,
}

/// From the thread.
enum Told {
    Opened(Result<Opened, Error>),
    Filled(Frame, Result<Fetched, Error>),
}

/// For the thread.
enum Asked {
    /// Fill this frame.
    Fill(Frame),
    /// Give no frame that takes more.
    Limit(Footprint),
}

/// A stream without an end that is known and without a way back.
pub(super) struct Stream {
    path: PathBuf,
    ask: SyncSender<Asked>,
    told: Receiver<Told>,
    /// Whether the thread has a frame to fill.
    asked: bool,
    opened: Opened,
}

impl Stream {
    /// Calls `open` in a thread, and waits for what it returns until `stop` is requested.
    ///
    /// # Errors
    /// Those of `open`; [`Error::Interrupted`]; the system refused the thread.
    pub fn open(
        path: &Path,
        stop: &Stop,
        open: impl FnOnce() -> Result<Box<dyn Reader>, Error> + Send + 'static,
    ) -> Result<Self, Error> {
        let (ask, asked) = mpsc::sync_channel(1);
        let (tell, told) = mpsc::sync_channel(1);
        threads::spawn("stream", None, move || {
            serve(open, &asked, &tell);
            End::Told(())
        })
        .map_err(|cause| Error::Io {
            path: path.into(),
            cause,
        })?;
        let opened = wait(path, &told, stop)?;
        Ok(Self {
            path: path.into(),
            ask,
            told,
            asked: false,
            opened,
        })
    }
}

/// Waits for the beginning of the stream.
fn wait(path: &Path, told: &Receiver<Told>, stop: &Stop) -> Result<Opened, Error> {
    let begun = Instant::now();
    let mut silent = true;
    loop {
        match told.recv_timeout(SLICE) {
            Ok(Told::Opened(opened)) => return opened,
            Ok(Told::Filled(..)) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(gone(path)),
            Err(RecvTimeoutError::Timeout) if stop.requested() => return Err(Error::Interrupted),
            Err(RecvTimeoutError::Timeout) => {
                if silent && begun.elapsed() > PATIENCE {
                    silent = false;
                    log::info!("{}: waiting for the first picture", path.display());
                }
            }
        }
    }
}

/// A thread that ended by itself panicked, and the process ends with it.
fn gone(path: &Path) -> Error {
    Error::Io {
        path: path.into(),
        cause: std::io::ErrorKind::BrokenPipe.into(),
    }
}

/// The thread: opens the stream, then fills the frames that come.
fn serve(
    open: impl FnOnce() -> Result<Box<dyn Reader>, Error>,
    asked: &Receiver<Asked>,
    tell: &SyncSender<Told>,
) {
    let (mut reader, opened) = match open() {
        Ok(reader) => {
            let opened = Opened {
                frame_rate: reader.frame_rate(),
                is_film: reader.is_film(),
                footprint: reader.footprint(),
            };
            (Some(reader), Ok(opened))
        }
        Err(error) => (None, Err(error)),
    };
    // Where nobody listens any more, the stream is over.
    if tell.send(Told::Opened(opened)).is_err() {
        return;
    }
    let Some(reader) = &mut reader else { return };
    for asked in asked {
        match asked {
            Asked::Limit(most) => reader.limit(most),
            Asked::Fill(mut frame) => {
                let fetched = reader.next(&mut frame);
                if tell.send(Told::Filled(frame, fetched)).is_err() {
                    return;
                }
            }
        }
    }
}

impl Reader for Stream {
    fn next(&mut self, frame: &mut Frame) -> Result<Fetched, Error> {
        if !self.asked {
            let empty = std::mem::replace(frame, Frame::empty());
            let sent = self.ask.send(Asked::Fill(empty));
            sent.map_err(|_| gone(&self.path))?;
            self.asked = true;
        }
        match self.told.recv_timeout(SLICE) {
            Ok(Told::Filled(filled, fetched)) => {
                self.asked = false;
                *frame = filled;
                fetched
            }
            Ok(Told::Opened(_)) | Err(RecvTimeoutError::Timeout) => Ok(Fetched::Idle),
            Err(RecvTimeoutError::Disconnected) => Err(gone(&self.path)),
        }
    }

    fn rewind(&mut self) -> Result<(), Error> {
        Err(Error::Format {
            path: self.path.clone(),
            message: "a stream cannot be read again".into(),
        })
    }

    fn frame_rate(&self) -> Option<f64> {
        self.opened.frame_rate
    }

    fn is_film(&self) -> bool {
        self.opened.is_film
    }

    fn footprint(&self) -> Footprint {
        Footprint {
            threads: self.opened.footprint.threads + 1,
            ..self.opened.footprint
        }
    }

    fn limit(&mut self, most: Footprint) {
        // A thread that ended is noticed at the next frame.
        let _ = self.ask.send(Asked::Limit(most));
    }
}
