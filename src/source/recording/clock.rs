//! The times of a folder's frames, from its manifest.

use std::cmp::Ordering;
use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::folder::{is_there, natural};
use super::manifest;
use crate::frame::Captured;

/// Gives each frame of a folder its time. A frame that the manifest does not list counts as taken
/// at the mean interval after the one before, and none goes back in time.
pub(super) struct Clock {
    first: Captured,
    interval: Duration,
    now: Option<Captured>,
}

impl Clock {
    /// The clock of the frames that the manifest of `folder` lists; `None` if it lists none.
    pub fn of(folder: &Path) -> io::Result<Option<Self>> {
        let mut ends: Option<[(String, Captured); 2]> = None;
        let mut listed: u32 = 0;
        manifest::visit(folder, false, |file, captured| {
            if !is_there(folder, file) {
                return;
            }
            listed = listed.saturating_add(1);
            let Some([first, last]) = &mut ends else {
                ends = Some([(file.into(), captured), (file.into(), captured)]);
                return;
            };
            let order = |end: &str| natural(OsStr::new(file), OsStr::new(end));
            if order(&first.0) != Ordering::Greater {
                *first = (file.into(), captured);
            }
            if order(&last.0) != Ordering::Less {
                *last = (file.into(), captured);
            }
        })?;
        Ok(ends.map(|[(_, first), (_, last)]| {
            let took = last.elapsed.saturating_sub(first.elapsed);
            Self {
                first,
                interval: took / listed.saturating_sub(1).max(1),
                now: None,
            }
        }))
    }

    /// Goes on to the next frame, which the manifest says was `captured` then.
    pub fn tick(&mut self, captured: Option<Captured>) {
        let mut time = self.now.unwrap_or(self.first);
        match captured.filter(|known| known.elapsed >= time.elapsed) {
            Some(known) => time = known,
            None if self.now.is_some() => {
                time.elapsed += self.interval;
                time.wall += self.interval;
            }
            None => {}
        }
        self.now = Some(time);
    }

    /// The time of the last frame.
    pub fn now(&self) -> Option<Captured> {
        self.now
    }

    /// Goes back to before the first frame.
    pub fn rewind(&mut self) {
        self.now = None;
    }

    /// Frames a second.
    pub fn frame_rate(&self) -> Option<f64> {
        let interval = self.interval.as_secs_f64();
        (interval > 0.0).then(|| 1.0 / interval)
    }
}
