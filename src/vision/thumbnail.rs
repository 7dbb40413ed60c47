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
        let first =
            |share: f64, side: usize| ((share * side as f64 - 1e-6).ceil() as usize).min(side);
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
mod tests;
