//! What a picture's header tells before the picture is there as a whole.

use super::super::{Error, Limit};
use super::frame_header::{Coding, FrameHeader};
use super::segments::Segments;
use super::whole;
use crate::panics;

/// What a JPEG picture's header tells about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Bytes that decoding takes beyond what pictures of cameras take: all of a picture of several
    /// scans, the higher rows of blocks of an unusual sampling, else none.
    pub whole: usize,
}

/// Bytes of a row of blocks for each column of pictures as cameras send them, at most.
const USUAL: usize = 40;

impl FrameHeader {
    /// What the header tells, once the coding is known from the header of the first scan.
    pub(super) fn outline(&self) -> Outline {
        Outline {
            width: self.width,
            height: self.height,
            whole: match self.coding {
                Coding::Whole => whole::memory(self),
                Coding::Sequential => self.row_bytes().saturating_sub(USUAL * self.width),
            },
        }
    }
}

/// Whether the picture in `data` may cost what it claims, as far as its header can be read: what
/// else is wrong with it, the decoder finds.
///
/// # Errors
/// Those of [`Limit`].
pub(crate) fn admit(data: &[u8], limit: Limit) -> Result<(), Error> {
    limit.admit_bytes(data.len())?;
    outline(data).map_or(Ok(()), |found| {
        limit.admit((found.width, found.height), found.whole)
    })
}

/// The outline of the JPEG picture whose first bytes are `data`; `None` if its header is damaged or
/// longer than `data`.
pub fn outline(data: &[u8]) -> Option<Outline> {
    panics::contain(|| read(data)).ok().flatten()
}

fn read(data: &[u8]) -> Option<Outline> {
    let mut segments = Segments::new(data).ok()?;
    let mut frame: Option<FrameHeader> = None;
    loop {
        match segments.next().ok()? {
            (code @ 0xc0..=0xc2, body) => frame = Some(FrameHeader::read(code, body).ok()?),
            (0xda, body) => {
                let mut frame = frame?;
                let all = frame.components().len();
                if body.first().is_some_and(|&n| usize::from(n) < all) {
                    frame.coding = Coding::Whole;
                }
                return Some(frame.outline());
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASELINE: &[u8] = include_bytes!("../../../tests/reference/jpeg/420.jpg");
    const PROGRESSIVE: &[u8] = include_bytes!("../../../tests/reference/jpeg/progressive.jpg");

    #[test]
    fn only_several_scans_and_rare_samplings_take_more() {
        let baseline = outline(BASELINE).unwrap();
        assert_eq!((baseline.width, baseline.height), (107, 75));
        assert_eq!(baseline.whole, 0);
        let several = outline(PROGRESSIVE).unwrap();
        let pixels = several.width * several.height;
        assert!(several.whole > 6 * pixels, "{several:?}");
        assert!(several.whole < 12 * pixels, "{several:?}");
    }

    #[test]
    fn a_header_that_is_cut_has_no_outline() {
        let scan = BASELINE.windows(2).position(|pair| pair == [0xff, 0xda]);
        for end in 0..scan.unwrap() {
            assert_eq!(outline(&BASELINE[..end]), None, "{end}");
        }
        assert_eq!(outline(b"no picture"), None);
    }
}
