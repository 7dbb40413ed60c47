//! The memory that a camera's buffers and frames may take, by its mode and by the budget. Pure.
//!
//! A driver tells how large its buffers are, and a picture how large it is. Neither is believed:
//! what was counted for the requested mode, and what the budget leaves beside, is all there is.

use super::super::Footprint;
use crate::frame::{Limit, PixelFormat};
use crate::source::Mode;

/// Frames that circulate between the camera, the slot and the pipeline, and hold copies.
const FRAMES: usize = 3;
/// Copies of one frame at most: those, and one each of snapshots and of review.
const COPIES: usize = FRAMES + 2;
/// A page, in which buffers are mapped.
const PAGE: usize = 4096;
/// The largest page of any kernel, to which one may round its buffers up.
const LARGEST_PAGE: usize = 64 << 10;

/// What a camera may take.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Was counted before the camera was opened.
    counted: Footprint,
    /// Bytes that the budget leaves beside all that was counted.
    spare: usize,
}

/// What one mode takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Most bytes that may be mapped of one buffer.
    pub buffer: usize,
    /// Whether raw frames read the driver's buffers in place.
    pub lends: bool,
    /// What a JPEG picture may cost.
    pub limit: Limit,
}

/// Why a mode takes too much.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooMuch {
    /// The driver asks for buffers that no picture of the mode fills.
    #[error(
        "the driver wants buffers of {} KiB for {fourcc} of {width}x{height}, which has at most {} KiB",
        wanted >> 10,
        most >> 10
    )]
    ForMode {
        fourcc: String,
        width: usize,
        height: usize,
        wanted: usize,
        most: usize,
    },
    /// The budget does not allow it.
    #[error(
        "{buffers} buffers of {} KiB{copies} need {} KiB, and memory.budget_mb leaves {} KiB: \
         set it {} higher, or request a smaller size",
        buffer >> 10,
        need >> 10,
        left >> 10,
        (need - left).div_ceil(1 << 20)
    )]
    ForBudget {
        buffers: usize,
        buffer: usize,
        copies: &'static str,
        need: usize,
        left: usize,
    },
}

impl Room {
    /// For a camera for which `counted` was admitted, with `spare` bytes beside.
    pub fn new(counted: Footprint, spare: usize) -> Self {
        Self { counted, spare }
    }

    /// What `buffers` buffers of `mode` take, of a driver that `lends` raw pictures or does not.
    ///
    /// # Errors
    /// They take too much.
    pub fn plan(&self, mode: &Mode, buffers: usize, lends: bool) -> Result<Plan, TooMuch> {
        let most = most_bytes(mode);
        if mode.size_image > most {
            return Err(TooMuch::ForMode {
                fourcc: mode.fourcc.clone(),
                width: mode.width,
                height: mode.height,
                wanted: mode.size_image,
                most,
            });
        }
        // One buffer alone would be lent and missing at the same time.
        let lends = lends && buffers > 1;
        let raw = mode.format.bytes(mode.width, mode.height, mode.stride);
        let copy = match raw {
            Some(_) if lends => 0,
            Some(raw) => raw,
            None => self.counted.frame.min(mode.size_image),
        };
        let device = buffers.saturating_mul(mode.size_image.next_multiple_of(PAGE));
        let need = device.saturating_add(FRAMES * copy);
        let counted = self.counted.device + FRAMES * self.counted.frame;
        let left = counted.saturating_add(self.spare);
        let Some(rest) = left.checked_sub(need) else {
            return Err(TooMuch::ForBudget {
                buffers,
                buffer: mode.size_image,
                copies: if copy > 0 {
                    " and the copies of three frames"
                } else {
                    ""
                },
                need,
                left,
            });
        };
        Ok(Plan {
            buffer: mode.size_image.next_multiple_of(LARGEST_PAGE),
            lends,
            limit: Limit {
                width: mode.width.next_multiple_of(16),
                height: mode.height.next_multiple_of(16),
                bytes: (copy + rest / COPIES).min(mode.size_image),
                whole: 0,
            },
        })
    }
}

/// The most bytes that a driver may reserve for a picture of `mode`. Raw pictures get room for rows
/// and planes at coarse places. Drivers reserve two or three bytes a pixel for a JPEG picture, and
/// some the same for all sizes.
fn most_bytes(mode: &Mode) -> usize {
    let pixels = mode.width * mode.height;
    match mode.format {
        PixelFormat::Jpeg => 4 * pixels + (16 << 20),
        // No raw format has more.
        _ => 2 * 3 * pixels + (1 << 20),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Colour;

    fn mode(format: PixelFormat, width: usize, height: usize, size_image: usize) -> Mode {
        Mode {
            format,
            fourcc: "TEST".into(),
            width,
            height,
            stride: if format == PixelFormat::Jpeg {
                0
            } else {
                2 * width
            },
            colour: Colour::default(),
            size_image,
            fps: 30.0,
        }
    }

    /// What is counted for three buffers of 640x480.
    fn room(spare: usize) -> Room {
        let counted = Footprint {
            device: 3 * 614_400,
            frame: 102_400,
            ..Footprint::default()
        };
        Room::new(counted, spare)
    }

    #[test]
    fn buffers_beyond_the_mode_or_the_budget_are_refused() {
        let raw = |bytes| mode(PixelFormat::Yuyv, 640, 480, bytes);
        assert!(room(0).plan(&raw(614_400), 3, true).is_ok());
        let mode_alone = room(usize::MAX).plan(&raw(256 << 20), 3, true);
        assert!(matches!(mode_alone, Err(TooMuch::ForMode { .. })));
        let budget = room(1 << 20).plan(&raw(2 << 20), 3, true);
        assert!(
            matches!(budget, Err(TooMuch::ForBudget { .. })),
            "{budget:?}"
        );
        assert!(room(5 << 20).plan(&raw(2 << 20), 3, true).is_ok());
        let more = room(0).plan(&raw(614_400), 8, true);
        assert!(matches!(more, Err(TooMuch::ForBudget { .. })), "{more:?}");
    }

    #[test]
    fn copies_of_raw_frames_count_and_loans_do_not() {
        let raw = mode(PixelFormat::Yuyv, 640, 480, 614_400);
        assert!(room(0).plan(&raw, 3, true).unwrap().lends);
        let said = room(0).plan(&raw, 3, false).unwrap_err().to_string();
        assert!(said.contains("the copies of three frames"), "{said}");
        assert!(!room(2 << 20).plan(&raw, 3, false).unwrap().lends);
        // The only buffer is never lent.
        assert!(!room(2 << 20).plan(&raw, 1, true).unwrap().lends);
    }

    #[test]
    fn a_jpeg_may_have_what_was_counted_and_a_share_of_the_rest() {
        let jpeg = mode(PixelFormat::Jpeg, 640, 480, 614_400);
        let limit = |spare| room(spare).plan(&jpeg, 3, true).unwrap().limit;
        let most = Limit {
            width: 640,
            height: 480,
            bytes: 102_400,
            whole: 0,
        };
        assert_eq!(limit(0), most);
        assert_eq!(limit(500_000).bytes, 202_400);
        assert_eq!(limit(usize::MAX).bytes, 614_400);
    }
}
