//! Frames that nobody filmed: a bright square on a coloured ground, moving, for demos and tests.
//!
//! A frame depends on its number alone, so that two runs see the same pictures.

use std::thread;
use std::time::{Duration, Instant, SystemTime};

use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;

use super::{Error, Next, Source};
use crate::frame::{Captured, Colour, Frame, Matrix, PixelFormat};
use crate::meter::Tally;

/// The longest that one call of [`Source::next`] waits.
const SLICE: Duration = Duration::from_millis(250);

/// What is to be made up.
#[derive(Clone, Debug, PartialEq)]
pub struct SyntheticOptions {
    /// How the bytes are laid out.
    pub format: PixelFormat,
    /// Width in pixels, at least 1.
    pub width: usize,
    /// Height in pixels, at least 1.
    pub height: usize,
    /// Matrix and range of YCbCr.
    pub colour: Colour,
    /// Frames a second, above 0; also of the capture times when frames are not paced.
    pub frame_rate: f64,
    /// Whether a frame waits for its time, as a camera's does.
    pub paced: bool,
    /// How many there are; `None` for no end.
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

/// A source of made-up frames.
#[derive(Debug)]
pub struct Synthetic {
    options: SyntheticOptions,
    interval: Duration,
    begun: Instant,
    begun_wall: SystemTime,
    next: u64,
    rgb: Vec<u8>,
    counts: Tally,
}

impl Synthetic {
    /// A source as described. A size or rate of 0 is taken for 1.
    pub fn new(mut options: SyntheticOptions) -> Self {
        options.width = options.width.max(1);
        options.height = options.height.max(1);
        let interval = Duration::try_from_secs_f64(1.0 / options.frame_rate);
        Self {
            interval: interval.unwrap_or(Duration::from_secs(1)),
            begun: Instant::now(),
            begun_wall: SystemTime::now(),
            next: 0,
            rgb: Vec::new(),
            counts: Tally::new(),
            options,
        }
    }

    /// The moment from which [`Captured::elapsed`] counts, where frames are paced.
    pub fn begun(&self) -> Instant {
        self.begun
    }

    /// Waits for the frame's time; says whether it has come.
    fn due(&self, elapsed: Duration) -> bool {
        if !self.options.paced {
            return true;
        }
        let left = elapsed.saturating_sub(self.begun.elapsed());
        thread::sleep(left.min(SLICE));
        left <= SLICE
    }

    fn draw(&mut self, number: u64) {
        let (width, height) = (self.options.width, self.options.height);
        self.rgb.clear();
        self.rgb.reserve_exact(width * height * 3);
        let side = (width.min(height) / 4).max(1);
        // It wanders to and fro, by a fiftieth of the picture a frame.
        let at = |room: usize, speed: u64| {
            let step = number * speed % 100;
            room * step.min(100 - step) as usize / 50
        };
        let (left, top) = (
            at(width - side.min(width), 1),
            at(height - side.min(height), 3),
        );
        for y in 0..height {
            for x in 0..width {
                let inside = (left..left + side).contains(&x) && (top..top + side).contains(&y);
                self.rgb.extend(if inside {
                    [235, 220, 60]
                } else {
                    let across = (x * 160 / width) as u8;
                    let down = (y * 120 / height) as u8;
                    [20 + across, 40 + down, 170 - across / 2]
                });
            }
        }
    }

    /// The mean of the pixels of `columns` by `rows` from (x, y) on, as luma, blue and red
    /// difference.
    fn sample(&self, x: usize, y: usize, columns: usize, rows: usize) -> [u8; 3] {
        let Colour { matrix, full_range } = self.options.colour;
        let (kr, kb) = match matrix {
            Matrix::Bt601 => (0.299, 0.114),
            Matrix::Bt709 => (0.2126, 0.0722),
        };
        let (width, height) = (self.options.width, self.options.height);
        let mut sum = [0.0_f32; 3];
        for dy in 0..rows {
            for dx in 0..columns {
                let at = ((y + dy).min(height - 1) * width + (x + dx).min(width - 1)) * 3;
                for (sum, &value) in sum.iter_mut().zip(&self.rgb[at..at + 3]) {
                    *sum += f32::from(value) / 255.0;
                }
            }
        }
        let [r, g, b] = sum.map(|sum| sum / (columns * rows) as f32);
        let luma = kr * r + (1.0 - kr - kb) * g + kb * b;
        let (cb, cr) = ((b - luma) / (2.0 - 2.0 * kb), (r - luma) / (2.0 - 2.0 * kr));
        let (black, span, chroma) = match full_range {
            true => (0.0, 255.0, 255.0),
            false => (16.0, 219.0, 224.0),
        };
        [
            black + span * luma,
            128.0 + chroma * cb,
            128.0 + chroma * cr,
        ]
        .map(|level| level.round().clamp(0.0, 255.0) as u8)
    }

    /// Writes what was drawn into `frame`; returns the stride.
    fn lay_out(&self, data: &mut Vec<u8>) -> usize {
        let (width, height) = (self.options.width, self.options.height);
        let (pairs, lines) = (width.div_ceil(2), height.div_ceil(2));
        let pixels = || (0..height).flat_map(move |y| (0..width).map(move |x| (x, y)));
        let blocks = || (0..lines).flat_map(move |y| (0..pairs).map(move |x| (2 * x, 2 * y)));
        let luma = || pixels().map(|(x, y)| self.sample(x, y, 1, 1)[0]);
        match self.options.format {
            PixelFormat::Rgb24 => data.extend_from_slice(&self.rgb),
            PixelFormat::Bgr24 => {
                data.extend(self.rgb.chunks_exact(3).flat_map(|p| [p[2], p[1], p[0]]));
            }
            PixelFormat::Grey => data.extend(luma()),
            format @ (PixelFormat::Yuyv | PixelFormat::Uyvy) => {
                for (x, y) in (0..height).flat_map(|y| (0..pairs).map(move |x| (2 * x, y))) {
                    let first = self.sample(x, y, 1, 1)[0];
                    let second = self.sample(x + 1, y, 1, 1)[0];
                    let [_, cb, cr] = self.sample(x, y, 2, 1);
                    data.extend(match format {
                        PixelFormat::Yuyv => [first, cb, second, cr],
                        _ => [cb, first, cr, second],
                    });
                }
                return pairs * 4;
            }
            PixelFormat::Nv12 => {
                data.extend(luma());
                // Chroma rows are as far apart as luma's, rounded up to a pair.
                data.extend(blocks().flat_map(|(x, y)| {
                    let [_, cb, cr] = self.sample(x, y, 2, 2);
                    [cb, cr]
                }));
            }
            PixelFormat::Yu12 => {
                data.extend(luma());
                data.extend(blocks().map(|(x, y)| self.sample(x, y, 2, 2)[1]));
                data.extend(blocks().map(|(x, y)| self.sample(x, y, 2, 2)[2]));
            }
            PixelFormat::Jpeg => {
                let (Ok(w), Ok(h)) = (u16::try_from(width), u16::try_from(height)) else {
                    return 0;
                };
                // Writing into memory fails for no picture of a size that JPEG can say.
                let _ = JpegEncoder::new_with_quality(data, 90).encode(
                    &self.rgb,
                    w.into(),
                    h.into(),
                    ExtendedColorType::Rgb8,
                );
                return 0;
            }
        }
        match self.options.format {
            PixelFormat::Rgb24 | PixelFormat::Bgr24 => width * 3,
            _ => width,
        }
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
        self.draw(number);
        let data = frame.data.own();
        data.clear();
        frame.stride = self.lay_out(data);
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
        &self.counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Lines, Rows};

    const COLOURED: [PixelFormat; 6] = [
        PixelFormat::Rgb24,
        PixelFormat::Bgr24,
        PixelFormat::Yuyv,
        PixelFormat::Uyvy,
        PixelFormat::Nv12,
        PixelFormat::Yu12,
    ];

    fn options(format: PixelFormat, (width, height): (usize, usize)) -> SyntheticOptions {
        SyntheticOptions {
            format,
            width,
            height,
            paced: false,
            frames: Some(30),
            ..SyntheticOptions::default()
        }
    }

    /// The frame with this number, read back as RGB.
    fn read(options: SyntheticOptions, number: usize) -> Vec<u8> {
        let mut source = Synthetic::new(options);
        let mut frame = Frame::empty();
        for _ in 0..=number {
            assert_eq!(source.next(&mut frame).unwrap(), Next::Frame);
        }
        let mut rows = Rows::new(frame.view()).unwrap();
        let mut rgb = vec![0; frame.width * frame.height * 3];
        for (y, line) in rgb.chunks_exact_mut(frame.width * 3).enumerate() {
            rows.rgb(y, 0, line).unwrap();
        }
        rgb
    }

    #[test]
    fn every_raw_format_shows_the_same_picture_at_even_and_odd_sizes() {
        for size in [(64, 48), (33, 21)] {
            let wanted = read(options(PixelFormat::Rgb24, size), 7);
            for format in COLOURED {
                for matrix in [Matrix::Bt601, Matrix::Bt709] {
                    for full_range in [false, true] {
                        let mut options = options(format, size);
                        options.colour = Colour { matrix, full_range };
                        let got = read(options, 7);
                        // Shared chroma blurs the square's edge; all else is within rounding.
                        let far = wanted.iter().zip(&got);
                        let far = far.filter(|(a, b)| a.abs_diff(**b) > 4).count();
                        assert!(far * 10 < wanted.len(), "{format} {matrix:?} {far}");
                    }
                }
            }
        }
    }

    #[test]
    fn grey_is_the_luma_in_either_range() {
        let wanted = read(options(PixelFormat::Rgb24, (33, 21)), 7);
        for full_range in [false, true] {
            let mut grey = options(PixelFormat::Grey, (33, 21));
            grey.colour.full_range = full_range;
            let got = read(grey, 7);
            for (rgb, grey) in wanted.chunks_exact(3).zip(got.chunks_exact(3)) {
                let [r, g, b] = [rgb[0], rgb[1], rgb[2]].map(f32::from);
                let luma = 0.299 * r + 0.587 * g + 0.114 * b;
                // The video range has 220 levels.
                assert!((luma - f32::from(grey[0])).abs() <= 1.1, "{luma} {grey:?}");
            }
        }
    }

    #[test]
    fn the_square_moves_and_a_frame_depends_on_its_number_alone() {
        let picture = |number| read(options(PixelFormat::Rgb24, (64, 48)), number);
        assert_eq!(picture(3), picture(3));
        assert_ne!(picture(3), picture(4));
    }

    #[test]
    fn jpeg_frames_are_pictures_of_the_size() {
        let mut source = Synthetic::new(options(PixelFormat::Jpeg, (64, 48)));
        let mut frame = Frame::empty();
        source.next(&mut frame).unwrap();
        let decoded = image::load_from_memory(&frame.data).unwrap();
        assert_eq!((decoded.width(), decoded.height()), (64, 48));
    }

    #[test]
    fn frames_keep_their_rate_and_come_to_an_end() {
        let mut source = Synthetic::new(SyntheticOptions {
            frame_rate: 4.0,
            ..options(PixelFormat::Grey, (8, 8))
        });
        let mut frame = Frame::empty();
        for number in 0..30 {
            assert_eq!(source.next(&mut frame).unwrap(), Next::Frame);
            assert_eq!(frame.seq, number);
            let time = Duration::from_millis(250) * number as u32;
            assert_eq!(frame.captured.elapsed, time);
        }
        assert_eq!(source.next(&mut frame).unwrap(), Next::End);
    }

    #[test]
    fn paced_frames_wait_for_their_time_in_slices() {
        let mut source = Synthetic::new(SyntheticOptions {
            paced: true,
            frame_rate: 2.0,
            ..options(PixelFormat::Grey, (8, 8))
        });
        let mut frame = Frame::empty();
        assert_eq!(source.next(&mut frame).unwrap(), Next::Frame);
        let begin = Instant::now();
        let mut idle = 0;
        while source.next(&mut frame).unwrap() == Next::Idle {
            idle += 1;
        }
        assert!(idle >= 1);
        assert!(begin.elapsed() >= Duration::from_millis(350));
    }
}
