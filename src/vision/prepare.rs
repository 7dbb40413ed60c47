//! The model's input from one picture.

use crate::engine::{Input, Resize};
use crate::frame::jpeg::Decoder;
use crate::frame::{Error, Lines, PixelFormat, Rows, View};

use super::Config;
use super::axis::{Axis, HALF, level};
use super::geometry::{Geometry, Turn};

/// Makes the model's input from pictures of any format and size.
///
/// Its buffers depend on the size of the pictures and are kept from one to the next; nothing is
/// allocated for a picture of the same size and format as the one before, save for JPEG pictures of
/// several scans.
pub struct Preparer {
    config: Config,
    resize: Resize,
    size: (usize, usize),
    turn: Turn,
    /// For each colour, what each of the 256 levels becomes.
    levels: Box<[[f32; 256]; 3]>,
    jpeg: Decoder,
    plan: Plan,
    picture: Vec<f32>,
    luma: f32,
}

/// The buffers for pictures of one size.
#[derive(Default)]
struct Plan {
    source: Option<Source>,
    geometry: Option<Geometry>,
    columns: Axis,
    rows: Axis,
    /// One row of the source, as far as it is used.
    line: Vec<u8>,
    /// Rows of the source at the input's width, the last ones in a ring.
    ring: Vec<u8>,
    /// The sums of one row of the input.
    sums: Vec<i32>,
    /// The levels of one row of the input.
    row: Vec<u8>,
}

/// What a plan is made for: the size of the picture, and the size at which it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Source {
    full: (usize, usize),
    read: (usize, usize),
    eighths: usize,
}

impl Preparer {
    /// For pictures as `config` (checked) says and a network with this `input`.
    pub fn new(config: &Config, input: &Input) -> Self {
        let level = |c: usize, v: usize| (v as f32 / 255.0 - input.mean[c]) / input.std[c];
        Self {
            config: config.clone(),
            resize: config.resize.unwrap_or(input.resize),
            size: (input.width, input.height),
            turn: Turn::new(config),
            levels: Box::new(std::array::from_fn(|c| {
                std::array::from_fn(|v| level(c, v))
            })),
            jpeg: Decoder::new(),
            plan: Plan::default(),
            picture: vec![0.0; 3 * input.width * input.height],
            luma: 0.0,
        }
    }

    /// Bytes on the heap, the decoder's and those of the input among them, as far as they have
    /// grown: fixed from the first picture of a size and format on.
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

    /// The input for `view`: f32 `[3, height, width]`, planes of red, green and blue, normalised.
    ///
    /// # Errors
    /// What is wrong with the picture. The preparer stays usable.
    pub fn prepare(&mut self, view: View<'_>) -> Result<&[f32], Error> {
        let Self {
            config,
            resize,
            size,
            turn,
            levels,
            jpeg,
            plan,
            picture,
            luma,
        } = self;
        let mut writer = Writer {
            turn: *turn,
            levels,
            width: size.0,
            sums: [0; 3],
            picture,
        };
        let geometry = |full| Geometry::new(config, *resize, full, *size);
        if view.format == PixelFormat::Jpeg {
            let mut rows = jpeg.open(view.data)?;
            let full = rows.size();
            let (eighths, width, height) = rows.start(geometry(full).eighths())?;
            let source = Source {
                full,
                read: (width, height),
                eighths,
            };
            plan.fit(source, geometry, &mut writer);
            let (first, end) = plan.columns.range();
            rows.only(first..end);
            plan.run(&mut rows, &mut writer)?;
            rows.finish()?;
        } else {
            let full = (view.width, view.height);
            let mut rows = Rows::new(view)?;
            let source = Source {
                full,
                read: full,
                eighths: 8,
            };
            plan.fit(source, geometry, &mut writer);
            plan.run(&mut rows, &mut writer)?;
        }
        *luma = writer.luma(plan);
        Ok(&self.picture)
    }

    /// The mean luma (ITU-R BT.601) of the last prepared picture, 0 to 255; its margins are left
    /// out.
    pub fn luma(&self) -> f32 {
        self.luma
    }
}

impl Plan {
    /// Makes tables and buffers for `source`, unless they are for it already.
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
        // A point of the picture lies at the same part of each block at every scale.
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

    /// Reads the picture from top to bottom and writes the rows of the input as they become
    /// complete. Only they are turned into RGB, which are fewer pixels than the picture has.
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

/// Brings one row of the source, of which `line` begins at column `left`, to the input's width.
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
    width: usize,
    sums: [u64; 3],
    picture: &'a mut Vec<f32>,
}

impl Writer<'_> {
    /// Writes row `y` of the small picture, which still lies as the source does.
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
                self.sums[c] += u64::from(v);
                at += step;
            }
        }
    }

    /// The mean luma of what was written.
    fn luma(&self, plan: &Plan) -> f32 {
        let pixels = plan.geometry.map_or(1, |g| g.width * g.height).max(1) as f64;
        let [r, g, b] = self.sums.map(|sum| sum as f64 / pixels);
        (0.299 * r + 0.587 * g + 0.114 * b) as f32
    }
}

#[cfg(test)]
mod tests;
