//! Decoding the next bits of a block by one look-up: its next value, or several values that a
//! smaller picture skips at once.

use super::huffman::{FAST, Huffman, extend};

/// Bits of one look-up.
pub(super) const BITS: u32 = 11;

/// For each pattern of the next [`BITS`] bits of a scan, the codes of one table in them, with the
/// bits of their values.
///
/// High frequencies have short codes for small values, so one look-up skips two or three of them.
pub(super) struct Lookahead {
    /// The state of the Huffman table that this was made from.
    version: u32,
    /// Empty until a picture has a table of this number.
    table: Vec<Entry>,
}

/// One entry of the table, packed, because every value of a picture reads one.
#[derive(Clone, Copy, Default)]
struct Entry(u32);

impl Entry {
    /// Bits of the first code and its value; 0 if they are not all there.
    const LENGTH: u32 = 0;
    /// Places with zeros before the value.
    const RUN: u32 = 4;
    /// Bits of all the codes; 0 if there is none.
    const ALL: u32 = 8;
    /// Places of the block that they take.
    const PLACES: u32 = 12;
    /// Set where the last of them ends the block.
    const END: u32 = 23;
    /// The value, signed; 0 for the end of the block.
    const VALUE: u32 = 24;

    #[inline(always)]
    const fn part(self, at: u32, bits: u32) -> u32 {
        self.0 >> at & ((1 << bits) - 1)
    }
}

/// The next value of a block, with the places of zeros before it; a value of 0 is the block's end.
pub(super) struct Value {
    pub run: usize,
    pub value: i32,
}

/// All complete codes in some bits.
pub(super) struct Step {
    pub bits: u32,
    pub places: usize,
    pub end: bool,
}

impl Lookahead {
    pub fn new() -> Self {
        Self {
            version: 0,
            table: Vec::new(),
        }
    }

    /// Bytes on the heap.
    pub fn bytes(&self) -> usize {
        self.table.capacity() * size_of::<Entry>()
    }

    /// Builds the table for `codes`, unless it was built for them already.
    pub fn fit(&mut self, codes: &Huffman) {
        if self.version == codes.version() {
            return;
        }
        self.version = codes.version();
        self.table.resize(1 << BITS, Entry::default());
        for (window, entry) in self.table.iter_mut().enumerate() {
            *entry = Entry::new(codes, window);
        }
    }

    /// The number of bits that the first code in `window` takes, and its value; `None` for a rare
    /// code.
    #[inline(always)]
    pub fn next(&self, window: usize) -> Option<(u32, Value)> {
        let entry = self.table.get(window).copied().unwrap_or_default();
        let length = entry.part(Entry::LENGTH, 4);
        let next = Value {
            run: entry.part(Entry::RUN, 4) as usize,
            value: entry.0 as i32 >> Entry::VALUE,
        };
        (length > 0).then_some((length, next))
    }

    /// All complete codes in `window`; `None` if there is none.
    #[inline(always)]
    pub fn step(&self, window: usize) -> Option<Step> {
        let entry = self.table.get(window).copied().unwrap_or_default();
        let bits = entry.part(Entry::ALL, 4);
        (bits > 0).then_some(Step {
            bits,
            places: entry.part(Entry::PLACES, 6) as usize,
            end: entry.part(Entry::END, 1) > 0,
        })
    }
}

impl Entry {
    /// The entry for the bits `window`.
    fn new(codes: &Huffman, window: usize) -> Self {
        let mut first = 0;
        let (mut used, mut places, mut end) = (0, 0, 0);
        loop {
            // The bits that are left, moved up, and zeros.
            let rest = (window << used) % (1 << BITS);
            let code = u32::from(codes.fast[rest >> (BITS - FAST)]);
            let (run, size) = (code >> 4 & 15, code & 15);
            let length = (code >> 8) + size;
            if code == 0 || used + length > BITS {
                break;
            }
            let ends = size == 0 && run < 15;
            if used == 0 && (ends || (1..8).contains(&size)) {
                let bits = (rest >> (BITS - length)) as i32 & ((1 << size) - 1);
                let value = if ends { 0 } else { extend(bits, size) };
                first = length << Self::LENGTH | run << Self::RUN | (value << Self::VALUE) as u32;
            }
            if !ends && places + run + 1 > 63 {
                break;
            }
            used += length;
            if ends {
                end = 1;
                break;
            }
            places += run + 1;
        }
        Self(first | used << Self::ALL | places << Self::PLACES | end << Self::END)
    }
}
