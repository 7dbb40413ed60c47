//! The levels of each component, and the pixels that they make.

use super::super::header::Space;
use crate::frame::Ycbcr;
use crate::frame::rows::pairs;

/// One row of units of one component, at the reduced size.
#[derive(Default)]
pub(super) struct Plane {
    pub levels: Vec<u8>,
    pub stride: usize,
    /// Points of a block's side.
    pub points: usize,
    /// The place of the last value that the transform uses.
    pub last: usize,
    /// Columns of the picture for each of the plane's.
    pub wide: usize,
    /// Rows of the picture for each of the plane's.
    pub high: usize,
}

impl Plane {
    /// The levels of row `y` of the picture, counted from the first row of the current units.
    fn row(&self, y: usize) -> &[u8] {
        self.levels
            .get(y / self.high.max(1) * self.stride..)
            .and_then(|rest| rest.get(..self.stride))
            .unwrap_or(&[])
    }
}

/// Writes the pixels of row `y` of these units from column `x` on: YCbCr unconverted, all else as
/// RGB.
#[inline]
pub(super) fn convert(planes: &[Plane; 4], space: Space, y: usize, x: usize, line: &mut [u8]) {
    let rows: [&[u8]; 4] = std::array::from_fn(|i| planes[i].row(y));
    let wide: [usize; 4] = std::array::from_fn(|i| planes[i].wide.max(1));
    let at = |i: usize, x: usize| rows[i][x / wide[i]];
    let pixels = line.as_chunks_mut().0.iter_mut().zip(x..);
    match space {
        Space::Grey => pixels.for_each(|(to, x)| *to = [at(0, x); 3]),
        Space::Rgb | Space::Ycbcr if wide[..3] == [1; 3] => {
            let [first, second, third] = [0, 1, 2].map(|i| &rows[i][x..]);
            let samples = first.iter().zip(second).zip(third);
            for ((to, _), ((&a, &b), &c)) in pixels.zip(samples) {
                *to = [a, b, c];
            }
        }
        // An even pixel and the next share their chroma.
        Space::Rgb | Space::Ycbcr if wide[..3] == [1, 2, 2] => {
            let luma = rows[0][x / 2 * 2..].chunks_exact(2);
            let chroma = rows[1][x / 2..].iter().zip(&rows[2][x / 2..]);
            let quads = luma.zip(chroma).map(|(y, (&cb, &cr))| [y[0], y[1], cb, cr]);
            pairs(quads, None, x % 2 == 1, line);
        }
        Space::Rgb | Space::Ycbcr => {
            pixels.for_each(|(to, x)| *to = [at(0, x), at(1, x), at(2, x)]);
        }
        Space::Cmyk => pixels.for_each(|(to, x)| {
            let ink = [at(0, x), at(1, x), at(2, x)];
            *to = print(ink, at(3, x));
        }),
        Space::Ycck => {
            let ycbcr = Ycbcr::jpeg();
            pixels.for_each(|(to, x)| {
                let ink = ycbcr.rgb([at(0, x), at(1, x), at(2, x)]);
                *to = print(ink.map(|level| 255 - level), at(3, x));
            });
        }
    }
}

/// The colour of paper printed with these inks and black, where 255 is no ink.
pub(in crate::frame::jpeg) fn print(ink: [u8; 3], black: u8) -> [u8; 3] {
    ink.map(|v| ((u32::from(v) * u32::from(black) + 127) / 255) as u8)
}
