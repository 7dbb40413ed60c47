//! A small picture for people, as the camera's picture is seen.

use super::Config;
use super::geometry::{Geometry, Turn};
use super::resizer::{Resizer, Sink};
use crate::engine::Resize;
use crate::frame::{Error, View};

/// Makes small RGB pictures of what the model sees: turned, cropped and masked alike, and in the
/// picture's own proportions. Its buffers are kept from one picture to the next.
pub(crate) struct Thumbnailer {
    resizer: Resizer,
    target: Target,
}

/// A small picture.
pub(crate) struct Thumbnail<'a> {
    /// Width in pixels.
    pub(crate) width: usize,
    /// Height in pixels.
    pub(crate) height: usize,
    /// Red, green and blue of each pixel, row by row.
    pub(crate) rgb: &'a [u8],
}

#[derive(Default)]
struct Target {
    longest_side: usize,
    size: (usize, usize),
    rgb: Vec<u8>,
}

impl Thumbnailer {
    /// For pictures that `config`, which has passed its check, crops and masks.
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            // Nothing beside the crop is cut away, whatever the model's input needs.
            resizer: Resizer::new(config, Resize::Squash),
            target: Target::default(),
        }
    }

    /// A picture of `view` whose sides are at most `longest_side` pixels. It is never enlarged.
    ///
    /// # Errors
    /// The fault of the picture.
    pub(crate) fn make(
        &mut self,
        view: View<'_>,
        longest_side: usize,
    ) -> Result<Thumbnail<'_>, Error> {
        self.target.longest_side = longest_side;
        self.resizer.run(view, &mut self.target)?;
        let (width, height) = self.target.size;
        Ok(Thumbnail {
            width,
            height,
            rgb: &self.target.rgb,
        })
    }
}

/// The size of a picture of `part` pixels whose sides are at most `longest_side`.
pub(crate) fn fitted((width, height): (f64, f64), longest_side: usize) -> (usize, usize) {
    let scale = (longest_side as f64 / width.max(height)).min(1.0);
    let side = |side: f64| ((side * scale).round() as usize).max(1);
    (side(width), side(height))
}

impl Sink for Target {
    fn size(&self, part: (f64, f64)) -> (usize, usize) {
        fitted(part, self.longest_side)
    }

    fn begin(&mut self, size: (usize, usize), _: bool) {
        let bytes = size.0 * size.1 * 3;
        if self.rgb.capacity() < bytes {
            self.rgb = Vec::with_capacity(bytes);
        }
        self.rgb.resize(bytes, 0);
        self.size = size;
    }

    fn row(&mut self, turn: Turn, geometry: &Geometry, y: usize, row: &[u8]) {
        let (first, step, down) = turn.steps(geometry.target, self.size.0);
        let pixels = self.rgb.as_chunks_mut().0;
        let mut at = first as isize + y as isize * down;
        for &pixel in row.as_chunks::<3>().0 {
            if let Some(to) = usize::try_from(at).ok().and_then(|at| pixels.get_mut(at)) {
                *to = pixel;
            }
            at += step;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Frame, Orientation, PixelFormat};

    /// Four columns and two rows; each pixel's levels are its number.
    fn numbered() -> Frame {
        Frame {
            format: PixelFormat::Rgb24,
            width: 4,
            height: 2,
            stride: 12,
            data: (0..24).map(|byte| byte / 3).collect::<Vec<u8>>().into(),
            ..Frame::empty()
        }
    }

    fn made(config: &Config, frame: &Frame, longest_side: usize) -> (usize, usize, Vec<u8>) {
        let mut thumbnailer = Thumbnailer::new(config);
        let made = thumbnailer.make(frame.view(), longest_side).unwrap();
        let levels = made.rgb.as_chunks::<3>().0.iter().map(|pixel| pixel[0]);
        (made.width, made.height, levels.collect())
    }

    #[test]
    fn a_thumbnail_is_turned_and_cropped_as_the_model_sees_it() {
        let mut frame = numbered();
        let whole = Config::default();
        assert_eq!(made(&whole, &frame, 99), (4, 2, (0..8).collect()));
        let turned = Config {
            rotate: 90,
            ..Config::default()
        };
        let clockwise = (2, 4, vec![4, 0, 5, 1, 6, 2, 7, 3]);
        assert_eq!(made(&turned, &frame, 99), clockwise);
        frame.orientation = Orientation::QuarterClockwise;
        assert_eq!(made(&whole, &frame, 99), clockwise);
        let lower = Config {
            crop: [0.0, 0.5, 1.0, 0.5],
            ..Config::default()
        };
        assert_eq!(made(&lower, &numbered(), 99), (4, 1, vec![4, 5, 6, 7]));
    }

    #[test]
    fn a_thumbnail_keeps_proportions_and_is_never_enlarged() {
        for (part, longest, size) in [
            ((1920.0, 1080.0), 640, (640, 360)),
            ((1080.0, 1920.0), 640, (360, 640)),
            ((320.0, 240.0), 640, (320, 240)),
            ((1000.0, 1.0), 100, (100, 1)),
        ] {
            assert_eq!(fitted(part, longest), size);
        }
        let (width, height, _) = made(&Config::default(), &numbered(), 2);
        assert_eq!((width, height), (2, 1));
    }
}
