//! A small picture for people, as the camera's picture is seen.

use super::Config;
use super::geometry::{Geometry, Rect, Turn};
use super::resizer::{Resizer, Sink};
use crate::engine::Resize;
use crate::frame::{Error, Orientation, View};

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
    /// How pictures are made that lie as the camera sent them; `None` for those that lie as the
    /// model sees them.
    sent: Option<Sent>,
}

/// A picture as the camera sent it.
struct Sent {
    /// How the configuration turns it.
    mounted: Turn,
    /// How its own notes turn it, which it does not have any more.
    upright: Turn,
    /// The part that the model sees, from its left upper to its right lower corner, as shares of
    /// the sides.
    crop: [[f64; 2]; 2],
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

    /// For pictures from which `config`, which has passed its check, makes the same input again:
    /// they lie as the camera sent them and have their whole size. What masks hide and what lies
    /// beside the crop is black.
    pub(crate) fn as_sent(config: &Config) -> Self {
        let mounted = Turn::new(config, Orientation::Upright);
        let [left, top, width, height] = config.crop;
        let corners = [[left, top], [left + width, top + height]].map(|c| mounted.source(c));
        let [[a, b], [c, d]] = corners;
        let whole = Config {
            crop: Config::default().crop,
            ..config.clone()
        };
        let mut thumbnailer = Self::new(&whole);
        thumbnailer.target.sent = Some(Sent {
            mounted,
            upright: mounted,
            crop: [[a.min(c), b.min(d)], [a.max(c), b.max(d)]],
        });
        thumbnailer
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
        if let Some(sent) = &mut self.target.sent {
            sent.upright = Turn::new(&Config::default(), view.orientation);
        }
        self.resizer.run(view, &mut self.target)?;
        self.target.blacken();
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

impl Target {
    /// Blackens each pixel of which a part lies beside the crop.
    fn blacken(&mut self) {
        let Some(sent) = &self.sent else { return };
        let (width, height) = self.size;
        let [from, to] = sent.crop;
        // 0.7 + 0.3 may come out a little above 1.
        let first = |share: f64, side: usize| ((share * side as f64 - 1e-6).ceil() as usize).min(side);
        let end = |share: f64, side: usize| ((share * side as f64 + 1e-6) as usize).min(side);
        let (left, right) = (first(from[0], width), end(to[0], width));
        let (top, bottom) = (first(from[1], height), end(to[1], height));
        for (y, row) in self.rgb.chunks_exact_mut(3 * width).enumerate() {
            if !(top..bottom).contains(&y) || left >= right {
                row.fill(0);
                continue;
            }
            row[..3 * left].fill(0);
            row[3 * right..].fill(0);
        }
    }
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
        self.size = match &self.sent {
            Some(sent) => sent.mounted.seen(size),
            None => size,
        };
    }

    fn row(&mut self, turn: Turn, geometry: &Geometry, y: usize, row: &[u8]) {
        let (width, height) = self.size;
        let (first, step, down) = match &self.sent {
            Some(sent) => {
                let target = Rect {
                    left: 0,
                    top: 0,
                    width,
                    height,
                };
                sent.upright.steps(target, width)
            }
            None => turn.steps(geometry.target, width),
        };
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
    fn a_picture_as_sent_is_neither_turned_nor_cut_and_black_beside_the_crop() {
        let sent = |config: &Config, frame: &Frame| {
            let mut thumbnailer = Thumbnailer::as_sent(config);
            let made = thumbnailer.make(frame.view(), 99).unwrap();
            let levels = made.rgb.as_chunks::<3>().0.iter().map(|pixel| pixel[0]);
            (made.width, made.height, levels.collect::<Vec<_>>())
        };
        let turned = Config {
            rotate: 90,
            ..Config::default()
        };
        let mut frame = numbered();
        assert_eq!(sent(&turned, &frame), (4, 2, (0..8).collect()));
        // As seen, clockwise, the left half is the lower one as sent.
        let half = Config {
            crop: [0.0, 0.0, 0.5, 1.0],
            ..turned.clone()
        };
        assert_eq!(sent(&half, &frame), (4, 2, vec![0, 0, 0, 0, 4, 5, 6, 7]));
        let masked: Config = toml::from_str("rotate = 90\nmasks = [[0, 0, 1, 0.25]]").unwrap();
        assert_eq!(sent(&masked, &frame), (4, 2, vec![0, 1, 2, 3, 0, 5, 6, 7]));
        // Its own notes are followed, because the new file has none.
        frame.orientation = Orientation::QuarterClockwise;
        let upright = (2, 4, vec![4, 0, 5, 1, 6, 2, 7, 3]);
        assert_eq!(sent(&turned, &frame), upright);
        assert_eq!(sent(&Config::default(), &frame), upright);
        // As seen after both turns, what was on the left of the upright picture is on top.
        let top = Config {
            crop: [0.0, 0.0, 1.0, 0.5],
            ..turned
        };
        assert_eq!(sent(&top, &frame), (2, 4, vec![4, 0, 5, 0, 6, 0, 7, 0]));
    }

    #[test]
    fn a_picture_as_sent_makes_the_same_input() {
        let wave = |x: usize, y: usize| 128.0 + 100.0 * ((x as f64 / 17.0).sin() * (y as f64 / 11.0).cos());
        let pixels = (0..200).flat_map(|y| (0..320).map(move |x| wave(x, y) as u8));
        let frame = Frame {
            format: PixelFormat::Grey,
            width: 320,
            height: 200,
            stride: 320,
            data: pixels.collect::<Vec<u8>>().into(),
            orientation: Orientation::HalfTurn,
            ..Frame::empty()
        };
        let text = "crop = [0.1, 0.2, 0.7, 0.6]\nmasks = [[0.3, 0.3, 0.2, 0.2]]\nrotate = 270\nflip = \"vertical\"";
        let config: Config = toml::from_str(text).unwrap();
        let mut thumbnailer = Thumbnailer::as_sent(&config);
        let made = thumbnailer.make(frame.view(), 320).unwrap();
        let again = Frame {
            format: PixelFormat::Rgb24,
            width: made.width,
            height: made.height,
            stride: 3 * made.width,
            data: made.rgb.to_vec().into(),
            ..Frame::empty()
        };
        let mut model = Thumbnailer::new(&config);
        let wanted = model.make(frame.view(), 64).unwrap().rgb.to_vec();
        let found = model.make(again.view(), 64).unwrap().rgb.to_vec();
        assert_eq!(found.len(), wanted.len());
        let off = |(a, b): (&u8, &u8)| u64::from(a.abs_diff(*b));
        let mean = found.iter().zip(&wanted).map(off).sum::<u64>() as f64 / found.len() as f64;
        assert!(mean < 1.0, "{mean}");
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
