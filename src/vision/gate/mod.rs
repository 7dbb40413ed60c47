//! The motion gate: it decides which pictures are worth an inference, and notices when they show
//! nothing.
//!
//! Each picture is reduced to the mean luma of 16 by 16 cells. The gate opens when a cell differs
//! from the picture of the last inference, stays open for a while so that the published state can
//! settle, and opens at the latest after the maximum interval. Slow changes open it too, because
//! pictures are not compared with the one before.
//!
//! While the gate is closed, it glances at a limited number of pictures a second. A picture in
//! between gets the reading of the last glance.

mod config;

use std::time::Duration;

use super::Config;
use super::glance::{Cells, Glance, SIDE};
use crate::engine::Input;
use crate::frame::{Error, PictureState, PixelFormat, View};

pub use config::GateConfig;

/// How much brighter than `dark` a picture must be to end the night, so that a flicker does not end
/// it.
const DAWN: f32 = 1.25;

/// The part of the pause between two glances that must have passed, so that a frame which comes a
/// little early is not left for a late one.
const EARLY: f64 = 0.9;

/// What the gate found in one picture, compared with those before it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GateReading {
    /// Whether the picture is worth an inference.
    pub open: bool,
    /// The largest change of a cell since the last inference, in luma levels of 255.
    pub motion: f32,
    /// Mean luma of what no mask hides, 0 to 255.
    pub luma: f32,
    /// Whether the picture is dark, or the camera has sent the same one for too long.
    pub picture: PictureState,
}

/// The gate, with its memory of earlier pictures.
pub struct Gate {
    config: GateConfig,
    hold: Duration,
    max_interval: Duration,
    stuck: Duration,
    /// The least time from one glance to the next while the gate is closed.
    pause: Duration,
    glance: Glance,
    cells: Cells,
    /// The share of the last picture that no mask hides.
    visible: f32,
    reference: Cells,
    /// When the last inference was.
    inferred: Option<Duration>,
    /// When the last motion was.
    moved: Option<Duration>,
    /// When the last picture that differed from its predecessor came.
    changed: Duration,
    /// Length and checksum of the last picture, where they were needed.
    print: Option<(usize, u32)>,
    dark: bool,
    /// The last glance, while the gate is closed.
    closed: Option<(Duration, GateReading)>,
}

impl Gate {
    /// A gate for the part of the picture that `vision` cuts out for `input`. It opens for the
    /// first picture.
    pub fn new(config: &GateConfig, vision: &Config, input: &Input) -> Self {
        let time = |seconds| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        Self {
            hold: time(config.hold),
            max_interval: time(config.max_interval),
            stuck: time(config.stuck),
            pause: time(EARLY / config.glances),
            config: config.clone(),
            glance: Glance::new(vision, input),
            cells: [0.0; SIDE * SIDE],
            visible: 1.0,
            reference: [0.0; SIDE * SIDE],
            inferred: None,
            moved: None,
            changed: Duration::ZERO,
            print: None,
            dark: false,
            closed: None,
        }
    }

    /// Reads a picture captured at `elapsed`; `wanted` opens the gate whatever the picture shows.
    /// If the gate opens, the caller infers from the picture, and later ones are compared with it.
    ///
    /// # Errors
    /// The fault of the picture, which then changes nothing in the gate.
    pub fn look(
        &mut self,
        view: View<'_>,
        elapsed: Duration,
        wanted: bool,
    ) -> Result<GateReading, Error> {
        let since = |then: Duration| elapsed.saturating_sub(then);
        let max_interval = self.max_interval;
        let due = |then: Duration| since(then) >= max_interval;
        if let Some((then, reading)) = self.closed
            && !wanted
            && elapsed
                .checked_sub(then)
                .is_some_and(|time| time < self.pause)
            && !self.inferred.is_none_or(due)
        {
            return Ok(reading);
        }
        if self.is_new(view)? {
            self.changed = elapsed;
        }
        let mean = self.cells.iter().sum::<f32>() / self.cells.len() as f32;
        // What masks hide is black and must not count as night.
        let luma = if self.visible > 0.0 {
            (mean / self.visible).min(255.0)
        } else {
            mean
        };
        let changes = self.cells.iter().zip(&self.reference);
        let motion = changes.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        let first = self.inferred.is_none();
        if first || motion >= self.config.threshold {
            self.moved = Some(elapsed);
        }
        let open = wanted
            || !self.config.enabled
            || self.moved.is_some_and(|moved| since(moved) <= self.hold)
            || self.inferred.is_none_or(due);
        if open {
            self.inferred = Some(elapsed);
            self.reference = self.cells;
        }
        self.dark = luma < self.config.dark * if self.dark { DAWN } else { 1.0 };
        let reading = GateReading {
            open,
            motion: if first { 0.0 } else { motion },
            luma,
            picture: match (self.dark, since(self.changed) >= self.stuck) {
                // A sensor in the dark may send zeros alone.
                (true, _) => PictureState::Dark,
                (false, true) => PictureState::Stuck,
                (false, false) => PictureState::Ok,
            },
        };
        self.closed = (!open).then_some((elapsed, reading));
        Ok(reading)
    }

    /// Glances at a picture, and returns whether it differs from the one before in any bit.
    ///
    /// Comparing all bytes of a JPEG picture is cheaper than decoding its blocks. A raw picture has
    /// many bytes, so they are compared only where the cells are the same; the first such picture
    /// has nothing to be compared with yet. What masks hide is compared too: that the camera sends
    /// new pictures tells nothing of what they show.
    fn is_new(&mut self, view: View<'_>) -> Result<bool, Error> {
        let print = || (view.data.len(), crc32fast::hash(view.data));
        if view.format == PixelFormat::Jpeg {
            let print = print();
            if self.print == Some(print) {
                return Ok(false);
            }
            self.print = None;
            self.visible = self.glance.look(view, &mut self.cells)?;
            self.print = Some(print);
            return Ok(true);
        }
        let before = self.cells;
        let looked = self.glance.look(view, &mut self.cells);
        match looked {
            Ok(visible) => self.visible = visible,
            Err(error) => {
                self.print = None;
                return Err(error);
            }
        }
        if self.cells != before {
            self.print = None;
            return Ok(true);
        }
        let print = print();
        Ok(self
            .print
            .replace(print)
            .is_some_and(|before| before != print))
    }
}

#[cfg(test)]
mod tests;
