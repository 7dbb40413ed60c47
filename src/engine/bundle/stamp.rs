//! Size and modification time of the ONNX file that a bundle was packed from.
//!
//! A start compares them with the file that stands there, which is quicker than its SHA-256. They
//! stand in the first page, so that the rest of a bundle is the same on every host.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Bytes of a stamp in the header.
pub(super) const BYTES: usize = 24;

/// Size and modification time of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Size in bytes.
    length: u64,
    /// Modification time, in seconds since 1970.
    seconds: i64,
    /// And in nanoseconds within that second.
    nanos: u32,
}

impl Stamp {
    /// The stamp of the file at `path`, links followed.
    ///
    /// # Errors
    /// Its metadata cannot be read.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let found = std::fs::metadata(path)?;
        Ok(Self {
            length: found.len(),
            seconds: found.mtime(),
            nanos: u32::try_from(found.mtime_nsec()).unwrap_or_default(),
        })
    }

    /// Returns true if this is the file that `packed` was taken of. Archives and some filesystems
    /// keep whole seconds alone, so a time without a fraction agrees with any in its second.
    pub(crate) fn is_of(self, packed: Self) -> bool {
        let fraction = self.nanos == packed.nanos || self.nanos == 0 || packed.nanos == 0;
        (self.length, self.seconds) == (packed.length, packed.seconds) && fraction
    }

    /// The stamp in `bytes`, as [`Stamp::bytes`] writes it. None where none was written, or where
    /// it is damaged.
    pub(super) fn read(bytes: &[u8; BYTES]) -> Option<Self> {
        let (facts, sum) = bytes.split_at(BYTES - 4);
        (sum == crc32fast::hash(facts).to_le_bytes()).then_some(Self {
            length: u64::from_le_bytes(std::array::from_fn(|i| facts[i])),
            seconds: i64::from_le_bytes(std::array::from_fn(|i| facts[8 + i])),
            nanos: u32::from_le_bytes(std::array::from_fn(|i| facts[16 + i])),
        })
    }

    /// The stamp, little-endian, with its own CRC-32 at the end.
    pub(super) fn bytes(self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        bytes[..8].copy_from_slice(&self.length.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.seconds.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.nanos.to_le_bytes());
        let sum = crc32fast::hash(&bytes[..20]);
        bytes[20..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_as_written_and_zeros_are_none() {
        let stamp = Stamp {
            length: 29 << 20,
            seconds: -5,
            nanos: 999_999_999,
        };
        assert_eq!(Stamp::read(&stamp.bytes()), Some(stamp));
        // CRC-32 of twenty zeros is not zero: a bundle from before stamps has none.
        assert_eq!(Stamp::read(&[0; BYTES]), None);
        let mut damaged = stamp.bytes();
        damaged[3] ^= 1;
        assert_eq!(Stamp::read(&damaged), None);
    }

    #[test]
    fn a_time_of_whole_seconds_agrees_with_its_second() {
        let stamp = |length, seconds, nanos| Stamp {
            length,
            seconds,
            nanos,
        };
        let packed = stamp(9, 100, 5);
        assert!(packed.is_of(packed) && stamp(9, 100, 0).is_of(packed));
        for other in [stamp(8, 100, 5), stamp(9, 101, 0), stamp(9, 100, 6)] {
            assert!(!other.is_of(packed), "{other:?}");
        }
    }
}
