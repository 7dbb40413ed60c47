//! What a compressed picture may cost.

use super::Error;

/// What a compressed picture may cost at most. The source that opens a stream sets it, each frame
/// carries it, and each decoder keeps to it before it allocates anything.
///
/// A camera's limit follows from its mode, and a recording's in the daemon from the memory that was
/// admitted for it. So a picture takes what was counted, whatever its header claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Bytes of the compressed picture.
    pub bytes: usize,
    /// Bytes that decoding may take beyond a row of blocks; 0 for ordinary sequential pictures
    /// only.
    pub whole: usize,
}

impl Limit {
    /// That of a picture file which a person opens: a progressive picture of 16 million pixels in
    /// any sampling, or of 24 million in the usual one.
    pub const FILE: Self = Self {
        width: u16::MAX as usize,
        height: u16::MAX as usize,
        bytes: 64 << 20,
        whole: 192 << 20,
    };

    /// Whether a picture of so many bytes may be looked at.
    ///
    /// # Errors
    /// [`Error::TooLong`].
    pub(crate) fn admit_bytes(&self, bytes: usize) -> Result<(), Error> {
        let most = self.bytes;
        if bytes > most {
            return Err(Error::TooLong { bytes, most });
        }
        Ok(())
    }

    /// Whether a picture of this size may be decoded that takes `whole` bytes beyond a row of
    /// blocks.
    ///
    /// # Errors
    /// [`Error::Beyond`], [`Error::Several`].
    pub(crate) fn admit(&self, (width, height): (usize, usize), whole: usize) -> Result<(), Error> {
        if width > self.width || height > self.height {
            return Err(Error::Beyond {
                width,
                height,
                most: (self.width, self.height),
            });
        }
        if whole > self.whole {
            return Err(Error::Several {
                need: whole,
                most: self.whole,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODE: Limit = Limit {
        width: 640,
        height: 480,
        bytes: 100_000,
        whole: 0,
    };

    #[test]
    fn each_way_to_cost_too_much_has_a_cause_of_its_own() {
        let cause = |admitted: Result<(), Error>| admitted.map_err(|error| error.cause());
        assert_eq!(cause(MODE.admit_bytes(100_000)), Ok(()));
        assert_eq!(cause(MODE.admit_bytes(100_001)), Err("too-long"));
        assert_eq!(cause(MODE.admit((640, 480), 0)), Ok(()));
        // As many pixels, in a row that is longer than any buffer.
        assert_eq!(cause(MODE.admit((65535, 4), 0)), Err("too-large"));
        assert_eq!(cause(MODE.admit((640, 488), 0)), Err("too-large"));
        assert_eq!(cause(MODE.admit((64, 64), 1)), Err("progressive"));
    }
}
