//! The data of a sequential picture, decoded one row of units at a time.

mod planes;

use std::ops::Range;

use self::planes::{Plane, convert};
use super::super::Error;
use super::bits::{Bits, Interval};
use super::block::{self, Codes};
use super::frame_header::Component;
use super::header::Header;
use super::idct::{self, Cosines, scaled};
use super::lookahead::Lookahead;

pub(super) use self::planes::print;

/// The buffers of decoding.
pub(super) struct Scan {
    cosines: Box<Cosines>,
    planes: [Plane; 4],
    /// For each Huffman table of means.
    means: [Lookahead; 4],
    /// For each Huffman table of values.
    values: [Lookahead; 4],
    /// The frequencies of one block. Between two blocks all are zero, except the first.
    frequencies: [f32; 64],
}

/// The progress of decoding one picture.
pub(super) struct Position<'a> {
    bits: Bits<'a>,
    eighths: usize,
    /// Columns, at the reduced size, that will be read.
    pub columns: Range<usize>,
    /// Units in a row.
    across: usize,
    /// Rows of units.
    down: usize,
    /// Decoded rows of units.
    row: usize,
    /// Whether the levels of the last row were computed.
    filled: bool,
    /// The mean of each component's last block.
    means: [i32; 4],
    until_restart: usize,
    next_restart: u8,
    /// Whether the data of the current restart interval are lost from here on.
    lost: bool,
    /// Units without data, which are grey.
    pub made_up: usize,
    ended: bool,
}

/// A picture with more than one unit in so many made up is refused.
const MADE_UP: usize = 4;

impl Position<'_> {
    /// Units of the whole picture.
    pub fn units(&self) -> usize {
        self.across * self.down
    }
}

impl Scan {
    pub fn new() -> Self {
        Self {
            cosines: Box::new(Cosines::new()),
            planes: Default::default(),
            means: std::array::from_fn(|_| Lookahead::new()),
            values: std::array::from_fn(|_| Lookahead::new()),
            frequencies: [0.0; 64],
        }
    }

    /// Bytes on the heap.
    pub fn bytes(&self) -> usize {
        let planes: usize = self.planes.iter().map(|p| p.levels.capacity()).sum();
        let tables = self.means.iter().chain(&self.values);
        planes + tables.map(Lookahead::bytes).sum::<usize>() + size_of::<Cosines>()
    }

    /// Prepares the buffers for the picture in `data`, at `eighths` eighths of its size.
    pub fn start<'a>(&mut self, header: &Header, data: &'a [u8], eighths: usize) -> Position<'a> {
        // A block that broke off leaves frequencies behind.
        self.frequencies.fill(0.0);
        let (h, v) = header.frame.unit();
        let across = header.frame.width.div_ceil(8 * h);
        for (plane, component) in self.planes.iter_mut().zip(header.frame.components()) {
            let (wide, high) = (h / component.h, v / component.v);
            // A component of half the size is decoded at twice the scale, if possible.
            let more = [4, 2]
                .into_iter()
                .find(|m| eighths * m <= 8 && wide % m == 0 && high % m == 0)
                .unwrap_or(1);
            plane.points = eighths * more;
            plane.last = block::last(plane.points);
            (plane.wide, plane.high) = (wide / more, high / more);
            plane.stride = across * component.h * plane.points;
            plane
                .levels
                .resize(plane.stride * component.v * plane.points, 0);
            self.means[component.dc].fit(&header.dc[component.dc]);
            self.values[component.ac].fit(&header.ac[component.ac]);
        }
        Position {
            bits: Bits::new(data, header.data_at),
            eighths,
            columns: 0..scaled(header.frame.width, eighths),
            across,
            down: header.frame.height.div_ceil(8 * v),
            row: 0,
            filled: false,
            means: [0; 4],
            until_restart: header.restart,
            next_restart: 0,
            lost: false,
            made_up: 0,
            ended: false,
        }
    }

    /// Decodes the next row of units, and computes its levels if they are `wanted`.
    fn row(
        &mut self,
        header: &Header,
        position: &mut Position<'_>,
        wanted: bool,
    ) -> Result<(), Error> {
        let unit = header.frame.unit().0 * position.eighths;
        let units = position.columns.start / unit..position.columns.end.div_ceil(unit);
        // The compiler keeps a local copy in registers.
        let mut bits = position.bits;
        for x in 0..position.across {
            if header.restart > 0 {
                if position.until_restart == 0 {
                    position.lost = bits.restart(position.next_restart)? == Interval::Lost;
                    position.next_restart = (position.next_restart + 1) % 8;
                    position.means = [0; 4];
                    position.until_restart = header.restart;
                }
                position.until_restart -= 1;
            }
            let wanted = (wanted && units.contains(&x)).then_some(x);
            let mut decoded = Ok(());
            for (i, component) in header.frame.components().iter().enumerate() {
                if position.lost || decoded.is_err() {
                    break;
                }
                let mean = &mut position.means[i];
                decoded = self.unit(header, &mut bits, mean, i, component, wanted);
            }
            if position.lost || decoded.is_err() || bits.overrun() {
                // Zeros behind the end of the data may break any rule.
                if !position.lost && !bits.overrun() {
                    return decoded;
                }
                self.make_up(header, position, x, wanted)?;
            }
        }
        position.bits = bits;
        position.row += 1;
        position.filled = wanted;
        Ok(())
    }

    /// Makes unit `x` of the current row grey, as libjpeg does where an interval has too few data,
    /// if its levels are `wanted`.
    ///
    /// # Errors
    /// [`Error::Truncated`] where no interval follows this one, or too much is missing.
    #[cold]
    fn make_up(
        &mut self,
        header: &Header,
        position: &mut Position<'_>,
        x: usize,
        wanted: Option<usize>,
    ) -> Result<(), Error> {
        let all = position.units();
        let next = position.row * position.across + x + 1 + position.until_restart;
        position.lost = true;
        position.made_up += 1;
        if header.restart == 0 || next >= all || position.made_up > all / MADE_UP {
            return Err(Error::Truncated);
        }
        // A block that broke off leaves frequencies behind.
        self.frequencies.fill(0.0);
        let Some(x) = wanted else { return Ok(()) };
        for (plane, component) in self.planes.iter_mut().zip(header.frame.components()) {
            let wide = component.h * plane.points;
            let rows = plane.levels.chunks_exact_mut(plane.stride);
            for row in rows.take(component.v * plane.points) {
                row[x * wide..(x + 1) * wide].fill(128);
            }
        }
        Ok(())
    }

    /// Decodes the blocks of component `i` in one unit, and computes their levels if its place `x`
    /// is given.
    #[inline(always)]
    fn unit(
        &mut self,
        header: &Header,
        bits: &mut Bits<'_>,
        mean: &mut i32,
        i: usize,
        component: &Component,
        x: Option<usize>,
    ) -> Result<(), Error> {
        let plane = &mut self.planes[i];
        let codes = Codes {
            dc: &header.dc[component.dc],
            ac: &header.ac[component.ac],
            means: &self.means[component.dc],
            values: &self.values[component.ac],
        };
        for v in 0..component.v {
            for h in 0..component.h {
                let Some(x) = x else {
                    block::pass(bits, codes, mean)?;
                    continue;
                };
                let frequencies = &mut self.frequencies;
                let steps = &header.steps[component.quantisation];
                let extent = block::decode(bits, codes, mean, steps, plane.last, frequencies)?;
                let at = v * plane.points * plane.stride + (x * component.h + h) * plane.points;
                let out = &mut plane.levels[at..];
                if extent == (1, 1) {
                    idct::flat(plane.points, frequencies[0], out, plane.stride);
                } else {
                    self.cosines
                        .inverse(plane.points, frequencies, extent, out, plane.stride);
                    clear(frequencies, extent.0);
                }
            }
        }
        Ok(())
    }

    /// Writes the pixels of row `y` from column `x` on, both inside the picture: YCbCr unconverted,
    /// all else as RGB.
    pub fn read(
        &mut self,
        header: &Header,
        position: &mut Position<'_>,
        y: usize,
        x: usize,
        line: &mut [u8],
    ) -> Result<(), Error> {
        let rows = header.frame.unit().1 * position.eighths;
        while position.row <= y / rows {
            let wanted = position.row == y / rows;
            self.row(header, position, wanted)?;
        }
        if !position.filled || position.row != y / rows + 1 {
            return Err(Error::Outside { x, y });
        }
        convert(&self.planes, header.space, y % rows, x, line);
        Ok(())
    }

    /// Decodes the remaining rows and checks that the picture has its end.
    pub fn finish(&mut self, header: &Header, position: &mut Position<'_>) -> Result<(), Error> {
        while position.row < position.down {
            self.row(header, position, false)?;
        }
        if !position.ended {
            position.bits.end(header.frame.height)?;
            position.ended = true;
        }
        Ok(())
    }
}

/// Clears the first `rows` rows of eight. A constant length compiles to stores instead of a call of
/// `memset` for each block.
#[inline(always)]
fn clear(frequencies: &mut [f32; 64], rows: usize) {
    match frequencies.first_chunk_mut() {
        Some(two) if rows <= 2 => *two = [0.0; 16],
        _ => *frequencies = [0.0; 64],
    }
}
