//! How much is written to the disk at once.

/// Bytes of events, at most, that are written to the disk at once; one event may be larger.
pub(super) const BATCH: usize = 32 << 10;

/// The length in bytes at which a file of an outbox of `max_bytes` is full.
pub(super) fn segment(max_bytes: usize) -> usize {
    (max_bytes / 16).max(4096)
}
