//! The memory that a source takes.

/// The memory that a source and one of its frames take. It is known when the source is opened, from
/// its configuration, headers and file sizes: nothing waits for a frame to learn it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// Bytes of all the driver's buffers.
    pub device: usize,
    /// Bytes of the largest frame that is copied: a JPEG picture, or a frame of a recording.
    pub frame: usize,
    /// Width in pixels of the widest row to decode.
    pub width: usize,
}

impl Footprint {
    /// The larger of the two in each respect.
    #[must_use]
    pub(super) fn max(self, other: Self) -> Self {
        Self {
            device: self.device.max(other.device),
            frame: self.frame.max(other.frame),
            width: self.width.max(other.width),
        }
    }
}
