//! The capture thread: from the source into the slot, at the source's pace.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::frame::{Frame, Slot};
use crate::meter::Tally;
use crate::pipeline::pace::Pace;
use crate::signals::Stop;
use crate::source::Monitor;
use crate::source::{self, Next, Source};

/// What the thread owns.
pub(super) struct Capture {
    pub source: Box<dyn Source>,
    /// The clock that frames must be held to, if the source does not do so itself.
    pub pace: Option<Pace>,
    pub slot: Arc<Slot>,
    /// Grows while the thread lives, for the watchdog.
    pub captured: Arc<AtomicU64>,
    pub stop: Stop,
    /// Where it is told what the source could not read.
    pub camera: Monitor,
}

impl Capture {
    /// Runs until the end of the source or until it is asked for, and closes the slot. Gives what
    /// the source passed over.
    pub fn run(mut self) -> Result<Tally, source::Error> {
        let ended = self.fill();
        self.slot.close();
        ended.map(|()| self.source.passed_over().clone())
    }

    fn fill(&mut self) -> Result<(), source::Error> {
        let mut frame = Frame::empty();
        while !self.stop.asked() {
            let next = self.source.next(&mut frame)?;
            let alive = || {
                self.captured.fetch_add(1, Ordering::Relaxed);
            };
            alive();
            self.camera.note_bad(self.source.passed_over());
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
