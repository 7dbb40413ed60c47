//! How much of a live stream is there already.

use std::io::BufRead;
use std::os::fd::AsFd;

/// What a live stream is read from.
pub(in crate::source) trait Ahead: BufRead + Send {
    /// Bytes that are there without waiting.
    fn ahead(&self) -> usize;
}

/// For tests, in which nothing counts as there before it is read.
#[cfg(test)]
impl Ahead for &[u8] {
    fn ahead(&self) -> usize {
        0
    }
}

/// Bytes in `buffer` and in the pipe behind it.
pub(in crate::source) fn ahead(buffer: &[u8], pipe: impl AsFd) -> usize {
    let waiting = rustix::io::ioctl_fionread(pipe).unwrap_or(0);
    buffer.len() + usize::try_from(waiting).unwrap_or(usize::MAX / 2)
}
