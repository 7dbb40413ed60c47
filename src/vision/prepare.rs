//! The model's input from one picture.

use crate::engine::{Input, Resize};
use crate::frame::jpeg::Decoder;
use crate::frame::{Error, Lines, PixelFormat, Rows, View};

use super::Config;
use super::axis::{Axis, HALF, level};
use super::geometry::{Geometry, Turn};

/// Makes the model's input from pictures of any format and size.
///
/// Its buffers depend on the size of the pictures and are kept from one to the next. A picture of
/// the same size and format as the one before allocates nothing, except a JPEG picture of several
/// scans.
pub struct Preparer {
    config: Config,
    resize: Resize,
    size: (usize, usize),
    /// For each colour, the normalised value of each of the 256 levels.
    levels: Box<[[f32; 256]; 3]>,
    jpeg: Decoder,
    plan: Plan,
    picture: Vec<f32>,
    /// The share of the last picture that had no data.
    made_up: f32,
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
    /// A ring of the last rows of the source, at the input's width.
    ring: Vec<u8>,
    /// The sums of one row of the input.
    sums: Vec<i32>,
    /// The levels of one row of the input.
    row: Vec<u8>,
}

/// The size of the picture that a plan is made for, and the size at which it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Source {
    full: (usize, usize),
    read: (usize, usize),
    eighths: usize,
    turn: Turn,
}

impl Preparer {
    /// Makes inputs of the shape `input`; `config` has passed its check.
    pub fn new(config: &Config, input: &Input) -> Self {
        let level = |c: usize, v: usize| (v as f32 / 255.0 - input.mean[c]) / input.std[c];
        Self {
            config: config.clone(),
            resize: config.resize.unwrap_or(input.resize),
            size: (input.width, input.height),
            levels: Box::new(std::array::from_fn(|c| {
                std::array::from_fn(|v| level(c, v))
            })),
            jpeg: Decoder::new(),
            plan: Plan::default(),
            picture: vec![0.0; 3 * input.width * input.height],
            made_up: 0.0,
        }
    }

    /// Bytes on the heap, including the decoder's and the input's: fixed once the first picture of
    /// a size and format was prepared.
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
        let input = self.picture.capacity() * size_of::<f32>();
        plan + input + size_of_val(&*self.levels) + self.jpeg.bytes()
    }

    /// The share of the last picture that had no data and was made up, 0 to 1.
    pub fn made_up(&self) -> f32 {
        self.made_up
    }

    /// The input for `view`: f32 `[3, height, width]`, planes of red, green and blue, normalised.
    ///
    /// # Errors
    /// The fault of the picture. The preparer stays usable.
    pub fn prepare(&mut self, view: View<'_>) -> Result<&[f32], Error> {
        let Self {
            config,
            resize,
            size,
            levels,
            jpeg,
            plan,
            picture,
            made_up,
        } = self;
        *made_up = 0.0;
        let turn = Turn::new(config, view.orientation);
        let mut writer = Writer {
            turn,
            levels,
            width: size.0,
            picture,
        };
        let geometry = |full| Geometry::new(config, turn, *resize, full, *size);
        if view.format == PixelFormat::Jpeg {
            let mut rows = jpeg.open(view.data)?;
            let full = rows.size();
            let (eighths, width, height) = rows.start(geometry(full).eighths())?;
            let source = Source {
                full,
                read: (width, height),
                eighths,
                turn,
            };
            plan.fit(source, geometry, &mut writer);
            let (first, end) = plan.columns.range();
            rows.only(first..end);
            plan.run(&mut rows, &mut writer)?;
            rows.finish()?;
            *made_up = rows.made_up_share();
        } else {
            let full = (view.width, view.height);
            let mut rows = Rows::new(view)?;
            let source = Source {
                full,
                read: full,
                eighths: 8,
                turn,
            };
            plan.fit(source, geometry, &mut writer);
            plan.run(&mut rows, &mut writer)?;
        }
        Ok(&self.picture)
    }
}

impl Plan {
    /// Makes tables and buffers for `source`, unless it is the one they were made for.
    fn fit(
        &mut self,
        source: Source,
        geometry: impl Fn((usize, usize)) -> Geometry,
        writer: &mut Writer<'_>,
    ) {
        if self.source == Some(source) {
            return;
        }
        let geometry = geometry(source.full);
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
        // The margins are the mean colour, which is zero once normalised.
        writer.picture.fill(0.0);
        self.source = Some(source);
        self.geometry = Some(geometry);
    }

    /// Reads the picture from top to bottom and writes each row of the input once it is complete.
    /// Only these rows are turned into RGB: they have fewer pixels than the picture.
    fn run(&mut self, lines: &mut impl Lines, writer: &mut Writer<'_>) -> Result<(), Error> {
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
                    *sum += weight * i32::from(v);
                }
            }
            for (to, &sum) in self.row.iter_mut().zip(&self.sums) {
                *to = level(sum);
            }
            samples.to_rgb(&mut self.row);
            writer.write(&geometry, y, &self.row);
        }
        Ok(())
    }
}

/// Resizes one row of the source, whose used part `line` begins at column `left`, to the input's
/// width.
fn narrow(axis: &Axis, left: usize, line: &[u8], to: &mut [u8]) {
    let (line, to) = (line.as_chunks::<3>().0, to.as_chunks_mut().0);
    for (to, (first, weights)) in to.iter_mut().zip(axis.spans()) {
        let from = &line[first - left..][..weights.len()];
        let mut sums = [HALF; 3];
        for (pixel, &weight) in from.iter().zip(weights) {
            for (sum, &value) in sums.iter_mut().zip(pixel) {
                *sum += weight * i32::from(value);
            }
        }
        *to = sums.map(level);
    }
}

/// Turns and normalises finished rows into the input.
struct Writer<'a> {
    turn: Turn,
    levels: &'a [[f32; 256]; 3],
    /// Of the input, in pixels.
    width: usize,
    picture: &'a mut [f32],
}

impl Writer<'_> {
    /// Writes row `y` of the small picture, which is not turned yet.
    fn write(&mut self, geometry: &Geometry, y: usize, row: &[u8]) {
        let (first, step, down) = self.turn.steps(geometry.target, self.width);
        let plane = self.picture.len() / 3;
        let start = first as isize + y as isize * down;
        for (c, plane) in self.picture.chunks_exact_mut(plane).enumerate() {
            let mut at = start;
            for &v in row.iter().skip(c).step_by(3) {
                if let Some(to) = usize::try_from(at).ok().and_then(|at| plane.get_mut(at)) {
                    *to = self.levels[c][usize::from(v)];
                }
                at += step;
            }
        }
    }
}

#[cfg(test)]
mod tests;
