//! The frame header of a JPEG picture (T.81, B.2.2): its size and its components.

use super::super::{Error, MAX_PIXELS};
use super::segments::{TOO_SHORT, frame_size};

/// How the data are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// One scan with all components, block after block.
    Sequential,
    /// Several scans, which have to be put together first.
    Whole,
}

/// One colour of the picture.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Component {
    pub id: u8,
    /// Blocks of one unit across.
    pub h: usize,
    /// Blocks of one unit down.
    pub v: usize,
    pub quantisation: usize,
    pub dc: usize,
    pub ac: usize,
}

pub(super) struct FrameHeader {
    pub coding: Coding,
    /// In pixels.
    pub width: usize,
    /// In pixels.
    pub height: usize,
    components: [Component; 4],
    /// Number of components; 0 before the header was read.
    count: usize,
}

impl FrameHeader {
    /// The header before it was read.
    pub const fn none() -> Self {
        Self {
            coding: Coding::Sequential,
            width: 0,
            height: 0,
            components: [Component {
                id: 0,
                h: 0,
                v: 0,
                quantisation: 0,
                dc: 0,
                ac: 0,
            }; 4],
            count: 0,
        }
    }

    /// Reads the `body` of the segment with this `code`, 0xc0 to 0xc2.
    pub fn read(code: u8, body: &[u8]) -> Result<Self, Error> {
        let (width, height, rest) = frame_size(body)?;
        if width.saturating_mul(height) > MAX_PIXELS {
            return Err(Error::TooLarge {
                width,
                height,
                limit: MAX_PIXELS,
            });
        }
        let (&count, rest) = rest.split_first().ok_or(TOO_SHORT)?;
        let mut frame = Self {
            coding: if code == 0xc2 {
                Coding::Whole
            } else {
                Coding::Sequential
            },
            width,
            height,
            count: usize::from(count),
            ..Self::none()
        };
        frame.read_components(rest)?;
        Ok(frame)
    }

    fn read_components(&mut self, body: &[u8]) -> Result<(), Error> {
        let count = self.count;
        if !matches!(count, 1 | 3 | 4) {
            return Err(Error::Unsupported(
                "a JPEG of neither 1, 3 nor 4 components",
            ));
        }
        if body.len() != count * 3 {
            return Err(TOO_SHORT);
        }
        for (component, bytes) in self.components.iter_mut().zip(body.chunks_exact(3)) {
            let (h, v) = (usize::from(bytes[1] >> 4), usize::from(bytes[1] & 15));
            if !(1..=4).contains(&h) || !(1..=4).contains(&v) || bytes[2] > 3 {
                return Err(Error::corrupt(
                    "the frame header has values that are not allowed",
                ));
            }
            *component = Component {
                id: bytes[0],
                h,
                v,
                quantisation: usize::from(bytes[2]),
                ..Component::default()
            };
        }
        if count == 1 {
            // A scan of one component has units of one block, whatever the header declares.
            (self.components[0].h, self.components[0].v) = (1, 1);
        }
        let (h, v) = self.unit();
        let whole = |c: &Component| h.is_multiple_of(c.h) && v.is_multiple_of(c.v);
        if !self.components().iter().all(whole) {
            return Err(Error::Unsupported(
                "a JPEG whose colours are no whole part of its size",
            ));
        }
        Ok(())
    }

    pub fn is_read(&self) -> bool {
        self.count > 0
    }

    pub fn components(&self) -> &[Component] {
        &self.components[..self.count]
    }

    pub fn components_mut(&mut self) -> &mut [Component] {
        &mut self.components[..self.count]
    }

    /// The most blocks across and down of any component's unit.
    pub fn unit(&self) -> (usize, usize) {
        let of =
            |side: fn(&Component) -> usize| self.components().iter().map(side).max().unwrap_or(1);
        (of(|c| c.h), of(|c| c.v))
    }

    /// Bytes of one row of units, at full size.
    pub fn row_bytes(&self) -> usize {
        let across = self.width.div_ceil(8 * self.unit().0);
        let blocks = self.components().iter().map(|c| c.h * c.v).sum::<usize>();
        across * blocks * 64
    }

    /// The blocks of all components together.
    pub fn blocks(&self) -> usize {
        let (h, v) = self.unit();
        let units = self.width.div_ceil(8 * h) * self.height.div_ceil(8 * v);
        units * self.components().iter().map(|c| c.h * c.v).sum::<usize>()
    }
}
