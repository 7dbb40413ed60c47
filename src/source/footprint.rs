//! The memory that a source takes.

/// The most memory that a source and its frames take. It is known when the source is opened, from
/// its configuration, headers and file sizes: nothing waits for a frame to learn it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// Bytes of all the driver's buffers.
    pub device: usize,
    /// Bytes of the largest frame that is copied: a JPEG picture, or a frame of a recording.
    pub frame: usize,
    /// Bytes of the largest frame that is read where the driver wrote it.
    pub lent: usize,
    /// Whether raw pictures are copied too, because the driver's buffers cannot be lent.
    pub copied: bool,
    /// Bytes that the source itself holds, beside frames: what it reads ahead or decodes from.
    pub own: usize,
    /// Bytes that a JPEG picture of several scans takes while it is decoded, as a whole.
    pub whole: usize,
    /// Width in pixels of the widest picture to decode.
    pub width: usize,
    /// Height in pixels of the highest picture to decode.
    pub height: usize,
    /// Threads that the source starts.
    pub threads: usize,
}

impl Footprint {
    /// The larger of the two in each respect.
    #[must_use]
    pub(super) fn max(self, other: Self) -> Self {
        Self {
            device: self.device.max(other.device),
            frame: self.frame.max(other.frame),
            lent: self.lent.max(other.lent),
            copied: self.copied || other.copied,
            own: self.own.max(other.own),
            whole: self.whole.max(other.whole),
            width: self.width.max(other.width),
            height: self.height.max(other.height),
            threads: self.threads.max(other.threads),
        }
    }
}
