//! Pictures read line by line.

use super::format::Layout;
use super::ycbcr::{Samples, Ycbcr};
use super::{Error, PixelFormat, View};

/// A picture that can be read from top to bottom, three bytes a pixel.
pub trait Lines {
    /// The meaning of a pixel's three bytes.
    fn samples(&self) -> Samples;

    /// Fills `line` with the pixels of row `y` from column `x` on, as [`Lines::samples`].
    ///
    /// Rows must be read from top to bottom; some may be left out.
    ///
    /// # Errors
    /// [`Error::Outside`] if the picture has no such pixels, else its fault in these rows.
    fn read(&mut self, y: usize, x: usize, line: &mut [u8]) -> Result<(), Error>;

    /// Like [`Lines::read`], converted to red, green and blue.
    ///
    /// # Errors
    /// Those of [`Lines::read`].
    fn rgb(&mut self, y: usize, x: usize, line: &mut [u8]) -> Result<(), Error> {
        self.read(y, x, line)?;
        self.samples().to_rgb(line);
        Ok(())
    }
}

/// A raw picture, checked once to be as long as its size and format require.
///
/// Chroma that neighbouring pixels share is repeated for each of them.
pub struct Rows<'a> {
    view: View<'a>,
    layout: Layout,
    ycbcr: Ycbcr,
}

impl<'a> Rows<'a> {
    /// Checks `view` before reading any of its bytes.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Stride`] or [`Error::Short`]; [`Error::Unsupported`] for JPEG.
    pub fn new(view: View<'a>) -> Result<Self, Error> {
        let View {
            format,
            width,
            height,
            stride,
            data,
            ..
        } = view;
        if width == 0 || height == 0 {
            return Err(Error::Empty { width, height });
        }
        if format == PixelFormat::Jpeg {
            return Err(Error::Unsupported("JPEG where raw pixels are wanted"));
        }
        let short = |need| Error::Short {
            format,
            width,
            height,
            have: data.len(),
            need,
        };
        let layout = format
            .layout(width, height, stride)
            .ok_or_else(|| short(usize::MAX))?;
        if stride < layout.row {
            return Err(Error::Stride {
                format,
                width,
                stride,
                need: layout.row,
            });
        }
        if data.len() < layout.len {
            return Err(short(layout.len));
        }
        Ok(Self {
            view,
            layout,
            ycbcr: Ycbcr::new(view.colour),
        })
    }

    /// The row `y` of the chroma plane `plane`.
    fn chroma(&self, plane: usize, y: usize) -> &'a [u8] {
        let at = self.layout.chroma_at
            + plane * self.layout.chroma_len
            + y / 2 * self.layout.chroma_stride;
        let row = if self.view.format == PixelFormat::Nv12 {
            self.view.width.div_ceil(2) * 2
        } else {
            self.view.width.div_ceil(2)
        };
        &self.view.data[at..][..row]
    }
}

impl Lines for Rows<'_> {
    fn samples(&self) -> Samples {
        match self.view.format {
            PixelFormat::Rgb24 | PixelFormat::Bgr24 | PixelFormat::Grey => Samples::Rgb,
            _ => Samples::Ycbcr(self.ycbcr),
        }
    }

    fn read(&mut self, y: usize, x: usize, line: &mut [u8]) -> Result<(), Error> {
        let width = self.view.width;
        if y >= self.view.height || x.checked_add(line.len() / 3).is_none_or(|end| end > width) {
            return Err(Error::Outside { x, y });
        }
        let row = &self.view.data[y * self.view.stride..][..self.layout.row];
        let (pair, odd) = (x / 2, x % 2 == 1);
        match self.view.format {
            PixelFormat::Rgb24 => line.copy_from_slice(&row[x * 3..][..line.len()]),
            PixelFormat::Bgr24 => {
                for (to, from) in line.chunks_exact_mut(3).zip(row[x * 3..].chunks_exact(3)) {
                    to.copy_from_slice(&[from[2], from[1], from[0]]);
                }
            }
            PixelFormat::Grey => {
                for (to, &level) in line.chunks_exact_mut(3).zip(&row[x..]) {
                    to.fill(self.ycbcr.grey(level));
                }
            }
            PixelFormat::Yuyv => {
                let quads = row[pair * 4..].chunks_exact(4);
                let quads = quads.map(|q| [q[0], q[2], q[1], q[3]]);
                pairs(quads, None, odd, line);
            }
            PixelFormat::Uyvy => {
                let quads = row[pair * 4..].chunks_exact(4);
                let quads = quads.map(|q| [q[1], q[3], q[0], q[2]]);
                pairs(quads, None, odd, line);
            }
            PixelFormat::Nv12 => {
                let luma = row[pair * 2..].chunks_exact(2);
                let chroma = &self.chroma(0, y)[pair * 2..];
                let alone = (luma.remainder().first().zip(chroma.last_chunk()))
                    .map(|(&y, &[cb, cr])| [y, y, cb, cr]);
                let quads = luma.zip(chroma.chunks_exact(2));
                let quads = quads.map(|(y, c)| [y[0], y[1], c[0], c[1]]);
                pairs(quads, alone, odd, line);
            }
            PixelFormat::Yu12 => {
                let luma = row[pair * 2..].chunks_exact(2);
                let (cb, cr) = (&self.chroma(0, y)[pair..], &self.chroma(1, y)[pair..]);
                let alone = (luma.remainder().first().zip(cb.last()).zip(cr.last()))
                    .map(|((&y, &cb), &cr)| [y, y, cb, cr]);
                let quads = luma.zip(cb.iter().zip(cr));
                let quads = quads.map(|(y, (&cb, &cr))| [y[0], y[1], cb, cr]);
                pairs(quads, alone, odd, line);
            }
            PixelFormat::Jpeg => {
                return Err(Error::Unsupported("JPEG where raw pixels are wanted"));
            }
        }
        Ok(())
    }
}

/// Fills `line` with luma, Cb, Cr, from `[luma, luma, Cb, Cr]` of each two neighbours, and of the
/// one pixel that is `alone` at the end of a row. If `odd`, starts at the second of the first two.
#[inline(always)]
pub(super) fn pairs(
    mut quads: impl Iterator<Item = [u8; 4]>,
    alone: Option<[u8; 4]>,
    odd: bool,
    mut line: &mut [u8],
) {
    if odd && line.len() >= 3 {
        let (first, rest) = line.split_at_mut(3);
        if let Some([_, y, cb, cr]) = quads.next() {
            first.copy_from_slice(&[y, cb, cr]);
        }
        line = rest;
    }
    let (whole, last) = line.split_at_mut(line.len() / 6 * 6);
    // In this order the zip takes no quad without a pair to fill.
    for (pair, [y0, y1, cb, cr]) in whole.chunks_exact_mut(6).zip(&mut quads) {
        pair.copy_from_slice(&[y0, cb, cr, y1, cb, cr]);
    }
    if let Some(last) = last.get_mut(..3)
        && let Some([y, _, cb, cr]) = quads.next().or(alone)
    {
        last.copy_from_slice(&[y, cb, cr]);
    }
}

#[cfg(test)]
mod tests;
