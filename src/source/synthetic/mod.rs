//! Drawn frames, for demos and tests: a bright square moves over a coloured ground.
//!
//! A frame depends on its number alone, so that two runs see the same pictures.

mod drawing;

use std::thread;
use std::time::{Duration, Instant, SystemTime};

use self::drawing::Drawing;
use super::{Error, Footprint, Next, Source};
use crate::frame::{Captured, Colour, Frame, PixelFormat};
use crate::meter::Tally;

/// The longest that one call of [`Source::next`] waits.
const SLICE: Duration = Duration::from_millis(250);

/// Which frames to draw.
#[derive(Clone, Debug, PartialEq)]
pub struct SyntheticOptions {
    /// Any format, JPEG too.
    pub format: PixelFormat,
    /// Width in pixels, at least 1.
    pub width: usize,
    /// Height in pixels, at least 1.
    pub height: usize,
    /// Matrix and range of YCbCr.
    pub colour: Colour,
    /// Frames a second, above 0. Capture times follow it whether or not frames are paced.
    pub frame_rate: f64,
    /// Whether a frame comes at its time, as a camera's does, or at once.
    pub paced: bool,
    /// How many frames there are; `None` for no end.
    pub frames: Option<u64>,
}

impl Default for SyntheticOptions {
    fn default() -> Self {
        Self {
            format: PixelFormat::Yuyv,
            width: 640,
            height: 480,
            colour: Colour::default(),
            frame_rate: 10.0,
            paced: true,
            frames: None,
        }
    }
}

/// A source of drawn frames.
#[derive(Debug)]
pub struct Synthetic {
    options: SyntheticOptions,
    interval: Duration,
    begun: Instant,
    begun_wall: SystemTime,
    next: u64,
    drawing: Drawing,
    passed_over: Tally,
}

impl Synthetic {
    /// Takes a size or rate of 0 for 1.
    pub fn new(mut options: SyntheticOptions) -> Self {
        options.width = options.width.max(1);
        options.height = options.height.max(1);
        let interval = Duration::try_from_secs_f64(1.0 / options.frame_rate);
        Self {
            interval: interval.unwrap_or(Duration::from_secs(1)),
            begun: Instant::now(),
            begun_wall: SystemTime::now(),
            next: 0,
            drawing: Drawing::new(options.width, options.height, options.colour),
            passed_over: Tally::new(),
            options,
        }
    }

    /// The moment from which [`Captured::elapsed`] counts, where frames are paced.
    pub(crate) fn begun(&self) -> Instant {
        self.begun
    }

    /// The memory that one frame takes; of a JPEG, an upper bound.
    pub fn footprint(&self) -> Footprint {
        let SyntheticOptions {
            format,
            width,
            height,
            ..
        } = self.options;
        Footprint {
            frame: drawing::bytes(format, width, height),
            width,
            height,
            ..Footprint::default()
        }
    }

    /// Waits for the frame's time, and returns whether it has come.
    fn due(&self, elapsed: Duration) -> bool {
        if !self.options.paced {
            return true;
        }
        let left = elapsed.saturating_sub(self.begun.elapsed());
        thread::sleep(left.min(SLICE));
        left <= SLICE
    }
}

impl Source for Synthetic {
    fn next(&mut self, frame: &mut Frame) -> Result<Next, Error> {
        if self
            .options
            .frames
            .is_some_and(|frames| self.next >= frames)
        {
            return Ok(Next::End);
        }
        let number = self.next;
        let nanos = self.interval.as_nanos().saturating_mul(number.into());
        let elapsed = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        if !self.due(elapsed) {
            return Ok(Next::Idle);
        }
        self.next += 1;
        self.drawing.draw(number);
        let SyntheticOptions {
            format,
            width,
            height,
            ..
        } = self.options;
        // How long a JPEG picture becomes is known when it is made.
        let length = match format {
            PixelFormat::Jpeg => 0,
            raw => drawing::bytes(raw, width, height),
        };
        let data = frame.data.cleared(length);
        frame.stride = self.drawing.lay_out(format, data);
        frame.format = self.options.format;
        (frame.width, frame.height) = (self.options.width, self.options.height);
        frame.colour = self.options.colour;
        frame.seq = number;
        frame.captured = Captured {
            elapsed,
            wall: self.begun_wall + elapsed,
        };
        frame.name.clear();
        Ok(Next::Frame)
    }

    fn passed_over(&self) -> &Tally {
        &self.passed_over
    }

    fn start(&mut self) -> Option<Instant> {
        (self.begun, self.begun_wall) = (Instant::now(), SystemTime::now());
        Some(self.begun)
    }
}

#[cfg(test)]
mod tests;
