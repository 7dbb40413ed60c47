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

    /// Skips `n` bits, of which there are 32 at least. Unchecked, because a picture has millions of
    /// codes: a number that was wrong would give wrong levels, and nothing worse.
    #[inline(always)]
    pub const fn skip(&mut self, n: u32) {
        self.buffer = self.buffer.wrapping_shl(n);
        self.count = self.count.wrapping_sub(n);
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

    /// Skips to the data behind the restart marker `number` (0 to 7).
    ///
    /// As libjpeg does, it passes over what stands before the marker: padding, markers that mean
    /// nothing there, and the two restart markers before this one. One of the two restart markers
    /// behind it tells that this interval was lost, and is left where it is.
    ///
    /// # Errors
    /// [`Error::Truncated`] at the end of the picture, [`Error::Corrupt`] at another marker.
    pub fn restart(&mut self, number: u8) -> Result<Interval, Error> {
        let mut at = self.at;
        loop {
            let rest = self.data.get(at..).ok_or(Error::Truncated)?;
            at += rest
                .iter()
                .position(|&b| b == 0xff)
                .ok_or(Error::Truncated)?;
            let (code, after) = marker(self.data, at).ok_or(Error::Truncated)?;
            match code {
                0..=0xbf => {}
                0xd0..=0xd7 => match (code.wrapping_sub(number)) % 8 {
                    0 => {
                        *self = Self::new(self.data, after);
                        return Ok(Interval::Here);
                    }
                    1 | 2 => {
                        (self.at, self.stopped) = (at, true);
                        return Ok(Interval::Lost);
                    }
                    6 | 7 => {}
                    _ => {
                        return Err(Error::corrupt(
                            "a restart marker is not the one that should follow",
                        ));
                    }
                },
                0xd8 | 0xd9 => return Err(Error::Truncated),
                _ => return Err(Error::corrupt("a restart marker is not where it should be")),
            }
            at = after;
        }
    }

    /// Skips to the end-of-image marker of a picture of `height` rows, over padding and segments
    /// without picture data.
    ///
    /// # Errors
    /// [`Error::Truncated`] if there is no end, [`Error::Corrupt`] if another scan or another
    /// height comes before it.
    pub fn end(&mut self, height: usize) -> Result<(), Error> {
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
                // Tables, the restart interval, the height, notes.
                Some((code @ (0xc4 | 0xcc | 0xdb..=0xdd | 0xe0..=0xef | 0xfe), after)) => {
                    let rest = &self.data[after..];
                    let length = rest.first_chunk().ok_or(Error::Truncated)?;
                    let length = usize::from(u16::from_be_bytes(*length)).max(2);
                    let body = rest.get(2..length).ok_or(Error::Truncated)?;
                    if code == 0xdc && body != (height as u16).to_be_bytes() {
                        return Err(Error::corrupt("its height behind the data is another one"));
                    }
                    at = after + length;
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

/// What follows one restart interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interval {
    /// The data of the next one.
    Here,
    /// The data of a later one.
    Lost,
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
