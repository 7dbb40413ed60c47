//! The capture thread: from the source into the slot, at the source's pace.

use std::sync::Arc;

use crate::frame::{Frame, Slot};
use crate::meter::{Progress, Tally};
use crate::pipeline::Pace;
use crate::signals::Stop;
use crate::source::{self, Monitor, Next, Source};

/// What the thread owns.
pub(super) struct Capture {
    pub source: Box<dyn Source>,
    /// The clock that frames are held to, where the source does not keep time itself.
    pub(crate) pace: Option<Pace>,
    pub(crate) slot: Arc<Slot>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) stop: Stop,
    /// Hears of frames that the source could not read.
    pub(crate) monitor: Monitor,
}

/// Closes the slot when the thread ends, even by a panic, so that the main loop ends too.
struct CloseAtEnd(Arc<Slot>);

impl Drop for CloseAtEnd {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Capture {
    /// Runs until the source ends or the stop is requested. Returns the frames that the source
    /// passed over, by cause.
    pub(crate) fn run(mut self) -> Result<Tally, source::Error> {
        let _closes = CloseAtEnd(Arc::clone(&self.slot));
        self.fill()?;
        Ok(self.source.passed_over().clone())
    }

    fn fill(&mut self) -> Result<(), source::Error> {
        let mut frame = Frame::empty();
        while !self.stop.requested() {
            let next = self.source.next(&mut frame)?;
            let alive = || self.progress.capture_turns();
            alive();
            self.monitor.note_bad(self.source.passed_over());
            match next {
                Next::Frame => {
                    if let Some(pace) = &self.pace {
                        pace.wait(frame.captured.elapsed, &self.stop, alive);
                    }
                    self.slot.put(&mut frame);
                }
                Next::Idle => {}
                Next::End => break,
            }
        }
        Ok(())
    }
}
