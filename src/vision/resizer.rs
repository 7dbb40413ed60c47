//! From a picture of any format to rows of RGB at another size.

use super::Config;
use super::axis::{Axis, HALF, level};
use super::geometry::{Geometry, Turn};
use super::mask::{Cover, Grain, Masked};
use crate::engine::Resize;
use crate::frame::jpeg::Decoder;
use crate::frame::{Error, Lines, PixelFormat, Rows, View};

/// Crops pictures and resizes them row by row, with what masks hide in black.
///
/// Its buffers depend on the size of the pictures and are kept from one to the next.
pub(super) struct Resizer {
    config: Config,
    resize: Resize,
    jpeg: Decoder,
    cover: Cover,
    plan: Plan,
}

/// Takes the rows of a resized picture.
pub(super) trait Sink {
    /// The size that a picture is to have whose used part, as it is seen, has `part` pixels.
    fn size(&self, part: (f64, f64)) -> (usize, usize);

    /// A picture of `size` follows. `other` tells that it lies elsewhere in the target than the one
    /// before.
    fn begin(&mut self, size: (usize, usize), other: bool);

    /// Takes row `y` of the picture, in RGB, which is not turned yet.
    fn row(&mut self, turn: Turn, geometry: &Geometry, y: usize, row: &[u8]);
}

/// The buffers for pictures of one size.
#[derive(Default)]
struct Plan {
    source: Option<Source>,
    geometry: Option<Geometry>,
    columns: Axis,
    rows: Axis,
    /// The used part of one row of the source.
    line: Vec<u8>,
    /// A ring of the last rows of the source, at the target's width.
    ring: Vec<u8>,
    /// The sums of one row of the target.
    sums: Vec<i32>,
    /// The levels of one row of the target.
    row: Vec<u8>,
}

/// The size of the picture that a plan is made for, and the size at which it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Source {
    full: (usize, usize),
    read: (usize, usize),
    eighths: usize,
    turn: Turn,
    /// Of the target.
    size: (usize, usize),
}

impl Resizer {
    /// For pictures that `config`, which has passed its check, crops and masks.
    pub fn new(config: &Config, resize: Resize) -> Self {
        Self {
            config: config.clone(),
            resize,
            jpeg: Decoder::new(),
            cover: Cover::new(&config.masks),
            plan: Plan::default(),
        }
    }

    /// Bytes on the heap: fixed once the first picture of a size and format was resized.
    pub fn bytes(&self) -> usize {
        let Plan {
            columns,
            rows,
            line,
            ring,
            sums,
            row,
            ..
        } = &self.plan;
        let plan = columns.bytes() + rows.bytes() + line.capacity() + ring.capacity();
        let plan = plan + sums.capacity() * size_of::<i32>() + row.capacity();
        plan + self.jpeg.bytes() + self.cover.bytes()
    }

    /// Resizes `view` into `sink`. Returns the share of the picture that had no data and was made
    /// up, 0 to 1.
    ///
    /// # Errors
    /// The fault of the picture. The resizer stays usable.
    pub fn run(&mut self, view: View<'_>, sink: &mut impl Sink) -> Result<f32, Error> {
        let Self {
            config,
            resize,
            jpeg,
            cover,
            plan,
        } = self;
        let turn = Turn::new(config, view.orientation);
        let [_, _, w, h] = config.crop;
        let size = |full| {
            let (width, height) = turn.seen(full);
            sink.size((w * width as f64, h * height as f64))
        };
        let geometry = |full, size| Geometry::new(config, turn, *resize, full, size);
        if view.format == PixelFormat::Jpeg {
            let mut picture = jpeg.open(view.data, view.limit)?;
            let full = picture.size();
            let size = size(full);
            let geometry = geometry(full, size);
            let (eighths, width, height) = picture.start(geometry.eighths())?;
            let source = Source {
                full,
                read: (width, height),
                eighths,
                turn,
                size,
            };
            sink.begin(size, plan.fit(source, geometry));
            let (first, end) = plan.columns.range();
            picture.only(first..end);
            let grain = Grain::jpeg(&picture);
            cover.fit(full, grain, turn);
            let mut masked = Masked::new(&mut picture, cover, grain.at(eighths));
            plan.run(&mut masked, turn, sink)?;
            picture.finish()?;
            Ok(picture.made_up_share())
        } else {
            let full = (view.width, view.height);
            let mut rows = Rows::new(view)?;
            let size = size(full);
            let source = Source {
                full,
                read: full,
                eighths: 8,
                turn,
                size,
            };
            sink.begin(size, plan.fit(source, geometry(full, size)));
            let grain = Grain::raw(&view);
            cover.fit(full, grain, turn);
            let mut masked = Masked::new(&mut rows, cover, grain.at(8));
            plan.run(&mut masked, turn, sink)?;
            Ok(0.0)
        }
    }
}

impl Plan {
    /// Makes tables and buffers for `source`, unless it is the one they were made for. Returns
    /// whether it made them.
    fn fit(&mut self, source: Source, geometry: Geometry) -> bool {
        if self.source == Some(source) {
            return false;
        }
        // A point of the picture keeps its relative place in its block at every scale.
        let scale = source.eighths as f64 / 8.0;
        let part = |(from, to): (f64, f64), most: usize| {
            let most = most as f64;
            ((from * scale).min(most), (to * scale).min(most))
        };
        let (width, height) = source.read;
        self.columns
            .build(width, part(geometry.columns, width), geometry.width);
        self.rows
            .build(height, part(geometry.rows, height), geometry.height);
        let (first, end) = self.columns.range();
        self.line.resize((end - first) * 3, 0);
        self.ring.resize(self.rows.taps * geometry.width * 3, 0);
        self.sums.resize(geometry.width * 3, 0);
        self.row.resize(geometry.width * 3, 0);
        self.source = Some(source);
        self.geometry = Some(geometry);
        true
    }

    /// Reads the picture from top to bottom and gives each row of the target to `sink` once it is
    /// complete. Only these rows are turned into RGB: they have fewer pixels than the picture.
    fn run(
        &mut self,
        lines: &mut impl Lines,
        turn: Turn,
        sink: &mut impl Sink,
    ) -> Result<(), Error> {
        let Some(geometry) = self.geometry else {
            return Ok(());
        };
        let wide = geometry.width * 3;
        let (left, _) = self.columns.range();
        let samples = lines.samples();
        let mut next = 0;
        for (y, (first, weights)) in self.rows.spans().enumerate() {
            next = next.max(first);
            while next < first + weights.len() {
                lines.read(next, left, &mut self.line)?;
                let slot = next % self.rows.taps * wide;
                narrow(
                    &self.columns,
                    left,
                    &self.line,
                    &mut self.ring[slot..slot + wide],
                );
                next += 1;
            }
            self.sums.fill(HALF);
            for (row, &weight) in (first..).zip(weights) {
                let slot = row % self.rows.taps * wide;
                for (sum, &v) in self.sums.iter_mut().zip(&self.ring[slot..slot + wide]) {
                    *sum = plus(*sum, weight, v);
                }
            }
            for (to, &sum) in self.row.iter_mut().zip(&self.sums) {
                *to = level(sum);
            }
            samples.to_rgb(&mut self.row);
            sink.row(turn, &geometry, y, &self.row);
        }
        Ok(())
    }
}

/// `sum + weight * value`, without the checks that would keep the loops from being vectorised. A
/// test of the weights shows that the sum of a span fits.
#[inline(always)]
fn plus(sum: i32, weight: i32, value: u8) -> i32 {
    sum.wrapping_add(weight.wrapping_mul(i32::from(value)))
}

/// Resizes one row of the source, whose used part `line` begins at column `left`, to the target's
/// width.
fn narrow(axis: &Axis, left: usize, line: &[u8], to: &mut [u8]) {
    let (line, to) = (line.as_chunks::<3>().0, to.as_chunks_mut().0);
    for (to, (first, weights)) in to.iter_mut().zip(axis.spans()) {
        let from = &line[first - left..][..weights.len()];
        let mut sums = [HALF; 3];
        for (pixel, &weight) in from.iter().zip(weights) {
            for (sum, &value) in sums.iter_mut().zip(pixel) {
                *sum = plus(*sum, weight, value);
            }
        }
        *to = sums.map(level);
    }
}
