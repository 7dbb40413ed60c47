//! A cheap summary of a picture that still shows motion: the mean luma of 16 by 16 cells.
//!
//! A raw picture is sampled in a few rows of each cell. A JPEG picture is decoded to the means of
//! its blocks, an eighth of its size. Only the part that the model sees is read.

use std::ops::Range;

use super::Config;
use super::geometry::{Geometry, Turn};
use super::mask::{Cover, Grain, Masked};
use crate::engine::{Input, Resize};
use crate::frame::jpeg::Decoder;
use crate::frame::{Error, Lines, PixelFormat, Rows, View};

/// Cells a side.
pub(super) const SIDE: usize = 16;
/// The most rows of a cell that are read. With some ten pixels of each, they average the noise of a
/// sensor to a fraction of a level.
const ROWS: usize = 4;

/// The mean luma of each cell, 0 to 255, row by row.
pub(super) type Cells = [f32; SIDE * SIDE];

/// Reduces pictures to cells; its buffers are kept from one to the next.
pub(super) struct Glance {
    config: Config,
    resize: Resize,
    size: (usize, usize),
    jpeg: Decoder,
    cover: Cover,
    line: Vec<u8>,
}

impl Glance {
    /// For the part that `config`, which has passed its check, cuts out for `input`.
    pub fn new(config: &Config, input: &Input) -> Self {
        Self {
            config: config.clone(),
            resize: config.resize.unwrap_or(input.resize),
            size: (input.width, input.height),
            jpeg: Decoder::new(),
            cover: Cover::new(&config.masks),
            line: Vec::new(),
        }
    }

    /// Fills `cells` from the picture, which is not turned. Returns the share of it that no mask
    /// hides; what masks hide is black.
    ///
    /// # Errors
    /// The fault of the picture; `cells` may hold anything then.
    pub fn look(&mut self, view: View<'_>, cells: &mut Cells) -> Result<f32, Error> {
        let Self {
            config,
            resize,
            size,
            jpeg,
            cover,
            line,
        } = self;
        let turn = Turn::new(config, view.orientation);
        let part = |full: (usize, usize), read: (usize, usize)| {
            let geometry = Geometry::new(config, turn, *resize, full, *size);
            let scaled = |(from, to): (f64, f64), full: usize, read: usize| {
                let scale = read as f64 / full as f64;
                let from = ((from * scale) as usize).min(read - 1);
                from..((to * scale).ceil() as usize).clamp(from + 1, read)
            };
            (
                scaled(geometry.columns, full.0, read.0),
                scaled(geometry.rows, full.1, read.1),
            )
        };
        if view.format != PixelFormat::Jpeg {
            let full = (view.width, view.height);
            let mut rows = Rows::new(view)?;
            let grain = Grain::raw(&view);
            cover.fit(full, grain, turn);
            let mut masked = Masked::new(&mut rows, cover, grain.at(8));
            return reduce(&mut masked, part(full, full), line, cells);
        }
        let mut picture = jpeg.open(view.data, view.limit)?;
        let full = picture.size();
        let (eighths, width, height) = picture.start(1)?;
        let part = part(full, (width, height));
        picture.only(part.0.clone());
        let grain = Grain::jpeg(&picture);
        cover.fit(full, grain, turn);
        let mut masked = Masked::new(&mut picture, cover, grain.at(eighths));
        let visible = reduce(&mut masked, part, line, cells)?;
        picture.finish()?;
        Ok(visible)
    }
}

/// The mean luma of each cell of a part of a picture: its columns and its rows. Returns the share
/// of its pixels that are not masked.
fn reduce<L: Lines>(
    lines: &mut Masked<'_, L>,
    (columns, rows): (Range<usize>, Range<usize>),
    line: &mut Vec<u8>,
    cells: &mut Cells,
) -> Result<f32, Error> {
    line.resize(columns.len() * 3, 0);
    let samples = lines.samples();
    let (mut read, mut hidden) = (0, 0);
    for (row, cells) in cells.chunks_exact_mut(SIDE).enumerate() {
        let high = cell(row, rows.len());
        let count = high.len().min(ROWS);
        let mut sums = [0_u32; SIDE];
        for i in 0..count {
            let y = rows.start + high.start + (2 * i + 1) * high.len() / (2 * count);
            lines.read(y, columns.start, line)?;
            read += columns.len();
            hidden += lines.hidden(y, columns.start, columns.len());
            for (column, sum) in sums.iter_mut().enumerate() {
                let wide = cell(column, columns.len());
                *sum += samples.luma(&line[wide.start * 3..wide.end * 3]);
            }
        }
        for (column, (cell_mean, sum)) in cells.iter_mut().zip(sums).enumerate() {
            let pixels = cell(column, columns.len()).len() * count;
            *cell_mean = sum as f32 / (256 * pixels) as f32;
        }
    }
    Ok((read - hidden) as f32 / read as f32)
}

/// The pixels of cell `index` of a side of `length`; at least one, which neighbours then share.
fn cell(index: usize, length: usize) -> Range<usize> {
    let first = (index * length / SIDE).min(length - 1);
    first..((index + 1) * length / SIDE).max(first + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Colour, Frame};
    use crate::source::{Next, Source, Synthetic, SyntheticOptions};

    fn input() -> Input {
        Input {
            width: 128,
            height: 128,
            mean: [0.5; 3],
            std: [0.25; 3],
            resize: Resize::Squash,
        }
    }

    fn frame(format: PixelFormat, (width, height): (usize, usize)) -> Frame {
        let mut frame = Frame::empty();
        let mut source = Synthetic::new(SyntheticOptions {
            format,
            width,
            height,
            paced: false,
            ..SyntheticOptions::default()
        });
        assert_eq!(source.next(&mut frame).unwrap(), Next::Frame);
        frame
    }

    fn cells(config: &Config, frame: &Frame) -> Cells {
        let mut cells = [0.0; SIDE * SIDE];
        let mut glance = Glance::new(config, &input());
        glance.look(frame.view(), &mut cells).unwrap();
        cells
    }

    #[test]
    fn formats_give_the_same_cells_within_a_few_levels() {
        let config = Config::default();
        let size = (640, 480);
        let wanted = cells(&config, &frame(PixelFormat::Rgb24, size));
        for format in [
            PixelFormat::Yuyv,
            PixelFormat::Nv12,
            PixelFormat::Bgr24,
            PixelFormat::Grey,
            PixelFormat::Jpeg,
        ] {
            let got = cells(&config, &frame(format, size));
            let worst = wanted.iter().zip(&got).map(|(a, b)| (a - b).abs());
            let worst = worst.fold(0.0, f32::max);
            assert!(worst < 3.0, "{format}: {worst}");
        }
    }

    #[test]
    fn only_the_part_that_is_cut_out_counts() {
        let mut picture = Frame {
            format: PixelFormat::Grey,
            width: 64,
            height: 64,
            stride: 64,
            colour: Colour {
                full_range: true,
                ..Colour::default()
            },
            data: vec![200; 64 * 64].into(),
            ..Frame::empty()
        };
        picture.data.own()[..32 * 64].fill(0);
        let config = Config {
            crop: [0.0, 0.5, 1.0, 0.5],
            ..Config::default()
        };
        assert!(cells(&config, &picture).iter().all(|&level| level == 200.0));
        // Turned by a quarter, the lower half of what is seen is the source's right one.
        let turned = Config {
            rotate: 90,
            ..config
        };
        let cells = cells(&turned, &picture);
        assert_eq!((cells[0], cells[255]), (0.0, 200.0));
    }

    #[test]
    fn tiny_pictures_have_cells_and_broken_ones_are_errors() {
        let small = frame(PixelFormat::Rgb24, (5, 3));
        assert!(cells(&Config::default(), &small).iter().all(|&l| l > 0.0));
        let mut cut = frame(PixelFormat::Jpeg, (64, 48));
        let two_thirds = cut.data.len() * 2 / 3;
        cut.data.own().truncate(two_thirds);
        let mut glance = Glance::new(&Config::default(), &input());
        let looked = glance.look(cut.view(), &mut [0.0; SIDE * SIDE]);
        assert_eq!(looked, Err(Error::Truncated));
    }
}
