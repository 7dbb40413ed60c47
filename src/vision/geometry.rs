//! Which part of the source becomes which part of the model's input.

use crate::engine::Resize;

use super::{Config, Flip};
use crate::frame::Orientation;

/// How the source is turned to become the picture as seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    /// Whether the source's rows become columns.
    transposed: bool,
    /// Whether the source's axis that becomes the seen x runs from right to left.
    mirror_x: bool,
    /// Whether the source's axis that becomes the seen y runs from bottom to top.
    mirror_y: bool,
}

/// A rectangle of whole pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rect {
    pub left: usize,
    pub top: usize,
    pub width: usize,
    pub height: usize,
}

/// The part of the source that is used, and where it goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Geometry {
    /// From where to where along the source's rows, in pixels.
    pub columns: (f64, f64),
    /// From where to where down the source's columns, in pixels.
    pub rows: (f64, f64),
    /// Width of the resized part, in pixels, before it is turned.
    pub width: usize,
    /// Height of the resized part, in pixels, before it is turned.
    pub height: usize,
    /// Where the part goes in the input once it is turned.
    pub target: Rect,
}

impl Turn {
    /// The turn of a picture with this `orientation`: upright first, then as `config` says.
    pub fn new(config: &Config, orientation: Orientation) -> Self {
        let (transposed, mirror_x, mirror_y) = match config.rotate {
            90 => (true, true, false),
            180 => (false, true, true),
            270 => (true, false, true),
            _ => (false, false, false),
        };
        let mounted = Self {
            transposed,
            mirror_x: mirror_x ^ (config.flip == Flip::Horizontal),
            mirror_y: mirror_y ^ (config.flip == Flip::Vertical),
        };
        Self::upright(orientation).then(mounted)
    }

    fn upright(orientation: Orientation) -> Self {
        let (transposed, mirror_x, mirror_y) = match orientation {
            Orientation::Upright => (false, false, false),
            Orientation::MirroredAcross => (false, true, false),
            Orientation::HalfTurn => (false, true, true),
            Orientation::MirroredDown => (false, false, true),
            Orientation::Transposed => (true, false, false),
            Orientation::QuarterClockwise => (true, true, false),
            Orientation::Transversed => (true, true, true),
            Orientation::QuarterBack => (true, false, true),
        };
        Self {
            transposed,
            mirror_x,
            mirror_y,
        }
    }

    /// This turn and then `next`.
    fn then(self, next: Self) -> Self {
        let (x, y) = if next.transposed {
            (self.mirror_y, self.mirror_x)
        } else {
            (self.mirror_x, self.mirror_y)
        };
        Self {
            transposed: self.transposed ^ next.transposed,
            mirror_x: x ^ next.mirror_x,
            mirror_y: y ^ next.mirror_y,
        }
    }

    /// Where in the source, as shares of its sides, the point `seen` of the picture as seen lies.
    pub fn source(self, [x, y]: [f64; 2]) -> [f64; 2] {
        let mirrored = |mirror: bool, share: f64| if mirror { 1.0 - share } else { share };
        let (x, y) = (mirrored(self.mirror_x, x), mirrored(self.mirror_y, y));
        if self.transposed { [y, x] } else { [x, y] }
    }

    /// Width and height, as seen, of a source of these.
    pub fn seen(self, (width, height): (usize, usize)) -> (usize, usize) {
        if self.transposed {
            (height, width)
        } else {
            (width, height)
        }
    }

    /// Where the first pixel of the small picture goes in a row-major plane of `width` columns, and
    /// how far it is from there to the next pixel of the row and to the next row.
    pub(super) fn steps(self, target: Rect, width: usize) -> (usize, isize, isize) {
        let pixel = |mirror: bool, step: usize, length: usize| {
            let step = step as isize;
            if mirror {
                (-step, (length - 1) * step.unsigned_abs())
            } else {
                (step, 0)
            }
        };
        let (seen_x, skip_x) = pixel(self.mirror_x, 1, target.width);
        let (seen_y, skip_y) = pixel(self.mirror_y, width, target.height);
        let first = target.top * width + target.left + skip_x + skip_y;
        if self.transposed {
            (first, seen_y, seen_x)
        } else {
            (first, seen_x, seen_y)
        }
    }
}

impl Geometry {
    /// For a source of `width`×`height` pixels that is turned by `turn`, and an input of `size`
    /// (width, height).
    pub fn new(
        config: &Config,
        turn: Turn,
        resize: Resize,
        (width, height): (usize, usize),
        size: (usize, usize),
    ) -> Self {
        let (seen_width, seen_height) = turn.seen((width, height));
        let (seen_width, seen_height) = (seen_width as f64, seen_height as f64);
        let [x, y, w, h] = config.crop;
        let across = (x * seen_width, (x + w).min(1.0) * seen_width);
        let down = (y * seen_height, (y + h).min(1.0) * seen_height);
        let (across, down, target) = place(resize, across, down, size);
        let from_seen = |part: (f64, f64), mirror: bool, length: f64| {
            if mirror {
                (length - part.1, length - part.0)
            } else {
                part
            }
        };
        let across = from_seen(across, turn.mirror_x, seen_width);
        let down = from_seen(down, turn.mirror_y, seen_height);
        let (columns, rows, small) = if turn.transposed {
            (down, across, (target.height, target.width))
        } else {
            (across, down, (target.width, target.height))
        };
        Self {
            columns,
            rows,
            width: small.0,
            height: small.1,
            target,
        }
    }

    /// The least eighths of its size at which a JPEG picture is at least twice as large as the
    /// resized part.
    pub fn eighths(&self) -> usize {
        let enough = |(from, to): (f64, f64), length: usize| 16.0 * length as f64 / (to - from);
        let least = enough(self.columns, self.width).max(enough(self.rows, self.height));
        (least.ceil() as usize).clamp(1, 8)
    }
}

/// The used part of the crop, as columns `across` and rows `down` of the picture as seen, and the
/// rectangle of the input, of `size`, that it fills.
fn place(
    resize: Resize,
    across: (f64, f64),
    down: (f64, f64),
    size: (usize, usize),
) -> ((f64, f64), (f64, f64), Rect) {
    let length = |(a, b): (f64, f64)| b - a;
    let (wide, high) = (size.0 as f64, size.1 as f64);
    let whole = Rect {
        left: 0,
        top: 0,
        width: size.0,
        height: size.1,
    };
    match resize {
        Resize::Squash => (across, down, whole),
        Resize::FitShort => {
            // Source pixels for each pixel of the input, the same both ways.
            let scale = (length(across) / wide).min(length(down) / high);
            let (across, down) = (middle(across, scale * wide), middle(down, scale * high));
            (across, down, whole)
        }
        Resize::Letterbox => {
            let scale = (length(across) / wide).max(length(down) / high);
            let fit = |part: f64, most: usize| ((part / scale).round() as usize).clamp(1, most);
            let (width, height) = (fit(length(across), size.0), fit(length(down), size.1));
            let boxed = Rect {
                left: (size.0 - width) / 2,
                top: (size.1 - height) / 2,
                width,
                height,
            };
            (across, down, boxed)
        }
    }
}

/// The middle of `part`, `length` long.
fn middle((from, to): (f64, f64), length: f64) -> (f64, f64) {
    let spare = ((to - from) - length) / 2.0;
    (from + spare.max(0.0), to - spare.max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn geometry(config: &Config, resize: Resize, source: (usize, usize)) -> Geometry {
        let turn = Turn::new(config, Orientation::Upright);
        Geometry::new(config, turn, resize, source, (128, 128))
    }

    #[test]
    fn policies_place_a_wide_picture() {
        let config = Config::default();
        let squash = geometry(&config, Resize::Squash, (640, 360));
        assert_eq!((squash.columns, squash.rows), ((0.0, 640.0), (0.0, 360.0)));
        let fit = geometry(&config, Resize::FitShort, (640, 360));
        assert_eq!((fit.columns, fit.rows), ((140.0, 500.0), (0.0, 360.0)));
        let boxed = geometry(&config, Resize::Letterbox, (640, 360));
        assert_eq!((boxed.columns, boxed.rows), ((0.0, 640.0), (0.0, 360.0)));
        assert_eq!(
            boxed.target,
            Rect {
                left: 0,
                top: 28,
                width: 128,
                height: 72
            }
        );
    }

    /// The crop is of the picture as it is seen: the top left quarter of a picture turned clockwise
    /// is the bottom left one of the source.
    #[test]
    fn crop_follows_the_turn() {
        let crop = [0.0, 0.0, 0.5, 0.5];
        let part = |rotate, flip| {
            let config = Config {
                crop,
                rotate,
                flip,
                ..Config::default()
            };
            let g = geometry(&config, Resize::Squash, (100, 60));
            (g.columns, g.rows)
        };
        let (left, right) = ((0.0, 50.0), (50.0, 100.0));
        let (top, bottom) = ((0.0, 30.0), (30.0, 60.0));
        assert_eq!(part(0, Flip::None), (left, top));
        assert_eq!(part(90, Flip::None), (left, bottom));
        assert_eq!(part(180, Flip::None), (right, bottom));
        assert_eq!(part(270, Flip::None), (right, top));
        assert_eq!(part(0, Flip::Horizontal), (right, top));
        assert_eq!(part(0, Flip::Vertical), (left, bottom));
        assert_eq!(part(90, Flip::Horizontal), (left, top));
    }

    #[test]
    fn jpeg_scale_stays_at_twice_the_target() {
        let eighths = |w, h| geometry(&Config::default(), Resize::Squash, (w, h)).eighths();
        assert_eq!(eighths(1920, 1080), 2);
        assert_eq!(eighths(640, 480), 5);
        assert_eq!(eighths(320, 240), 8);
        assert_eq!(eighths(4096, 4096), 1);
        assert_eq!(eighths(2048, 2048), 1);
        assert_eq!(eighths(2047, 2048), 2);
    }
}
