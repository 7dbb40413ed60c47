//! Privacy masks: parts of the picture that are black before anything looks at them.
//!
//! A [`Mask`] is a shape of the configuration. A [`Cover`] is where the masks lie on pictures of
//! one kind, and [`Masked`] reads a picture through it. The picture's own bytes stay as they are:
//! they may be on loan from a camera's driver.
//!
//! A pixel that a mask touches is black. So are the pixels that are coded together with it, because
//! their values depend on each other: those that share their colour in a raw picture, and the whole
//! unit of a JPEG. What lies under a mask therefore changes nothing of what is read.

mod cover;
mod shape;
#[cfg(test)]
mod tests;

use crate::frame::{Error, Lines, Samples};

pub(crate) use cover::{Cover, Grain};
pub use shape::Mask;

/// A picture whose masked pixels are read as black.
pub(crate) struct Masked<'a, L> {
    lines: &'a mut L,
    cover: &'a Cover,
    /// Columns and rows of one grain at the size at which the picture is read.
    grain: (usize, usize),
}

impl<'a, L: Lines> Masked<'a, L> {
    /// Reads `lines` through `cover`, which was fitted to the picture. `grain` is the columns and
    /// rows of one grain at the size at which `lines` are read.
    pub(crate) fn new(lines: &'a mut L, cover: &'a Cover, grain: (usize, usize)) -> Self {
        Self {
            lines,
            cover,
            grain,
        }
    }

    /// The number of pixels of row `y` from column `x` on, `count` of them, that are masked.
    pub(super) fn hidden(&self, y: usize, x: usize, count: usize) -> usize {
        self.parts(y, x, count).map(|(from, to)| to - from).sum()
    }

    /// The masked parts of `count` pixels of row `y` from column `x` on, counted from `x`.
    fn parts(
        &self,
        y: usize,
        x: usize,
        count: usize,
    ) -> impl Iterator<Item = (usize, usize)> + use<'a, L> {
        let (wide, high) = self.grain;
        let place = move |grain: u32| (grain as usize * wide).saturating_sub(x).min(count);
        let cover = self.cover;
        let spans = cover.row(y / high).iter();
        spans.map(move |&[from, to]| (place(from), place(to)))
    }
}

impl<L: Lines> Lines for Masked<'_, L> {
    fn samples(&self) -> Samples {
        self.lines.samples()
    }

    fn read(&mut self, y: usize, x: usize, line: &mut [u8]) -> Result<(), Error> {
        self.lines.read(y, x, line)?;
        if self.cover.is_empty() {
            return Ok(());
        }
        let black = self.samples().black();
        let pixels = line.as_chunks_mut().0;
        for (from, to) in self.parts(y, x, pixels.len()) {
            pixels[from..to].fill(black);
        }
        Ok(())
    }
}
