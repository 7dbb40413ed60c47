//! The bits of a scan.

use super::super::Error;
use super::huffman::{FAST, Huffman, extend};
use super::lookahead;

/// Reads entropy-coded data bit by bit, up to the next marker.
///
/// Behind the marker it supplies zeros, and [`Bits::overrun`] reports their use, so that the
/// decoder needs no test for each bit.
#[derive(Clone, Copy)]
pub(super) struct Bits<'a> {
    data: &'a [u8],
    /// The next byte to be read; a marker's first byte once `stopped`.
    at: usize,
    /// The bits read and not yet used, from the highest on.
    buffer: u64,
    /// Number of bits in `buffer`.
    count: u32,
    /// Number of supplied zeros among the last bits in `buffer`.
    made_up: u32,
    /// Whether a marker, or the end of the data, was reached.
    stopped: bool,
}

impl<'a> Bits<'a> {
    /// Begins at `data[at]`.
    pub const fn new(data: &'a [u8], at: usize) -> Self {
        Self {
            data,
            at,
            buffer: 0,
            count: 0,
            made_up: 0,
            stopped: false,
        }
    }

    /// Fills the buffer to 57 bits or more.
    #[inline]
    fn fill(&mut self) {
        if self.count > 56 {
            return;
        }
        if let Some(next) = self.data.get(self.at..).and_then(<[u8]>::first_chunk) {
            let next = u64::from_be_bytes(*next);
            // No byte of ones among the next eight: all are data.
            if ((next & !HIGHEST) + (HIGHEST >> 7)) & next & HIGHEST == 0 {
                let bytes = (64 - self.count) / 8;
                // The bits of an incomplete byte are filled in again next time.
                self.buffer |= next >> self.count;
                self.count += bytes * 8;
                self.at += bytes as usize;
                return;
            }
        }
        self.fill_slowly();
    }

    #[cold]
    #[inline(never)]
    fn fill_slowly(&mut self) {
        while self.count <= 56 {
            let byte = self.byte();
            self.buffer |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
    }

    fn byte(&mut self) -> u8 {
        if !self.stopped {
            match self.data.get(self.at) {
                Some(0xff) => {
                    // A byte of ones is followed by a zero that is no data; anything else is a
                    // marker.
                    if self.data.get(self.at + 1) == Some(&0) {
                        self.at += 2;
                        return 0xff;
                    }
                    self.stopped = true;
                }
                Some(&byte) => {
                    self.at += 1;
                    return byte;
                }
                None => self.stopped = true,
            }
        }
        // Beyond a full buffer of zeros, more need not be counted.
        self.made_up = (self.made_up + 8).min(1 << 16);
        0
    }

    /// Whether the decoder used bits that the data do not have.
    #[inline(always)]
    pub const fn overrun(&self) -> bool {
        self.count < self.made_up
    }

    /// Skips `n` bits.
    #[inline(always)]
    pub const fn skip(&mut self, n: u32) {
        self.buffer <<= n;
        self.count -= n;
    }

    /// The next [`lookahead::BITS`] bits, without skipping them.
    #[inline(always)]
    pub fn window(&mut self) -> usize {
        if self.count < 32 {
            self.fill();
        }
        (self.buffer >> (64 - lookahead::BITS)) as usize
    }

    /// The value of the next code.
    #[inline(always)]
    pub fn symbol(&mut self, table: &Huffman) -> Result<u8, Error> {
        // Enough for a code and the bits that belong to it.
        if self.count < 32 {
            self.fill();
        }
        let entry = table.fast[(self.buffer >> (64 - FAST)) as usize];
        if entry != 0 {
            self.skip(u32::from(entry >> 8));
            return Ok(entry as u8);
        }
        self.long_symbol(table)
    }

    #[cold]
    fn long_symbol(&mut self, table: &Huffman) -> Result<u8, Error> {
        let next = (self.buffer >> 48) as u32;
        for length in FAST + 1..=16 {
            if next < table.limit[length as usize] {
                self.skip(length);
                let index = (next >> (16 - length)) as i32 + table.offset[length as usize];
                let value = usize::try_from(index)
                    .ok()
                    .and_then(|i| table.values.get(i));
                return value.copied().ok_or(Error::corrupt("a code has no value"));
            }
        }
        if self.made_up > 0 {
            return Err(Error::Truncated);
        }
        Err(Error::corrupt("a code is not in its table"))
    }

    /// The next `n` bits, up to 16, as a signed difference (T.81, figure F.12). Called after
    /// [`Bits::symbol`].
    #[inline(always)]
    pub fn difference(&mut self, n: u32) -> i32 {
        if n == 0 {
            return 0;
        }
        let value = (self.buffer >> (64 - n)) as i32;
        self.skip(n);
        extend(value, n)
    }

    /// Skips the restart marker `number` (0 to 7), which must be next.
    ///
    /// # Errors
    /// [`Error::Truncated`] at the end of the picture, [`Error::Corrupt`] at anything else.
    pub fn restart(&mut self, number: u8) -> Result<(), Error> {
        self.fill();
        if self.count.saturating_sub(self.made_up) >= 8 {
            return Err(Error::corrupt("a restart marker is not where it should be"));
        }
        match marker(self.data, self.at) {
            Some((code, after)) if code == 0xd0 + number => {
                *self = Self::new(self.data, after);
                Ok(())
            }
            None | Some((0xd8 | 0xd9, _)) => Err(Error::Truncated),
            Some(_) => Err(Error::corrupt(
                "a restart marker is not the one that should follow",
            )),
        }
    }

    /// Skips to the end-of-image marker, over padding and segments without picture data.
    ///
    /// # Errors
    /// [`Error::Truncated`] if there is none.
    pub fn end(&mut self) -> Result<(), Error> {
        let mut at = self.at;
        loop {
            let ones = self
                .data
                .get(at..)
                .and_then(|rest| rest.iter().position(|&b| b == 0xff));
            at += ones.ok_or(Error::Truncated)?;
            match marker(self.data, at) {
                None | Some((0xd8, _)) => return Err(Error::Truncated),
                Some((0xd9, _)) => return Ok(()),
                Some((0 | 0xd0..=0xd7, after)) => at = after,
                Some((0xfe | 0xe0..=0xef, after)) => {
                    let length = self.data.get(after..after + 2).ok_or(Error::Truncated)?;
                    at = after + usize::from(u16::from_be_bytes([length[0], length[1]])).max(2);
                }
                Some(_) => {
                    return Err(Error::corrupt(
                        "something other than its end follows the picture",
                    ));
                }
            }
        }
    }
}

/// The highest bit of each byte.
const HIGHEST: u64 = 0x8080_8080_8080_8080;

/// The code of the marker that begins at `at`, past any fill bytes, and where it ends.
pub(super) fn marker(data: &[u8], at: usize) -> Option<(u8, usize)> {
    if data.get(at) != Some(&0xff) {
        return None;
    }
    let more = data.get(at + 1..)?.iter().position(|&b| b != 0xff)?;
    Some((data[at + 1 + more], at + 2 + more))
}
