//! Going past the values of a block that a smaller picture has no use for.

use super::huffman::{FAST, Huffman};

/// How many of the next bits are looked at.
pub(super) const BITS: u32 = 11;

/// For the next [`BITS`] bits of a scan, what all the codes that lie in them, with the bits that belong to each, add up to.
///
/// High frequencies have short codes for small values, so that one look-up goes past two or three of them.
pub(super) struct Skips {
    /// The state of the Huffman table that this was made from.
    version: u32,
    /// Bits to go past in the high byte; in the low one [`END`] and by how many places the block moves on. 0 for nothing.
    table: Box<[u16; 1 << BITS]>,
}

/// Set where the last of the codes ends the block.
const END: u16 = 0x80;

/// The codes in some bits.
pub(super) struct Step {
    pub bits: u32,
    pub places: usize,
    pub end: bool,
}

impl Skips {
    pub fn new() -> Self {
        Self {
            version: 0,
            table: Box::new([0; 1 << BITS]),
        }
    }

    /// Bytes on the heap.
    pub const BYTES: usize = size_of::<[u16; 1 << BITS]>();

    /// Makes the table for `codes`, unless it is for them already.
    pub fn fit(&mut self, codes: &Huffman) {
        if self.version == codes.version() {
            return;
        }
        self.version = codes.version();
        for (window, entry) in self.table.iter_mut().enumerate() {
            *entry = sum(codes, window);
        }
    }

    /// What the next bits, `window`, hold.
    #[inline(always)]
    pub fn step(&self, window: usize) -> Option<Step> {
        let entry = self.table[window % (1 << BITS)];
        (entry != 0).then_some(Step {
            bits: u32::from(entry >> 8),
            places: usize::from(entry & (END - 1)),
            end: entry & END != 0,
        })
    }
}

/// The entry for the bits `window`.
fn sum(codes: &Huffman, window: usize) -> u16 {
    let (mut used, mut places) = (0, 0);
    loop {
        // The bits that are left, from the highest on, and zeros.
        let rest = (window << used) % (1 << BITS);
        let code = codes.fast[rest >> (BITS - FAST)];
        let (length, symbol) = (u32::from(code >> 8), code & 0xff);
        let (run, size) = (symbol >> 4, u32::from(symbol & 15));
        if code == 0 || used + length + size > BITS {
            break;
        }
        if size == 0 && run < 15 {
            return ((used + length) << 8) as u16 | END | places;
        }
        if places + run + 1 > 63 {
            break;
        }
        used += length + size;
        places += run + 1;
    }
    (used << 8) as u16 | places
}
