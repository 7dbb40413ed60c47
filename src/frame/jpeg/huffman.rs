//! Huffman tables (ITU-T T.81, annexes C and F.2.2.3), and those that MJPEG leaves out (annex
//! K.3.3).

use super::super::Error;

/// Codes of at most this many bits are decoded by one look-up.
pub(super) const FAST: u32 = 9;

/// The signed difference that the `n` bits after a code stand for (T.81, figure F.12); 0 for none.
#[inline(always)]
pub(super) const fn extend(bits: i32, n: u32) -> i32 {
    // Values that begin with a zero bit are negative.
    if bits >> n.saturating_sub(1) == 0 {
        bits - (1 << n) + 1
    } else {
        bits
    }
}

/// One table: the value of each code.
pub(super) struct Huffman {
    /// Whether the current picture has this table.
    pub set: bool,
    /// Counts the tables that were built here; a camera's pictures all have the same one.
    version: u32,
    /// The counts that the table was built from; `None` if the build failed.
    counts: Option<[u8; 16]>,
    /// For the next [`FAST`] bits: the length of the code in the high byte, its value in the low
    /// one; 0 for a longer code.
    pub fast: [u16; 1 << FAST],
    /// For each length, the first code of the next length, at 16 bits. All codes below it have at
    /// most this length.
    pub limit: [u32; 17],
    /// For each length, the difference from a code to the index of its value.
    pub offset: [i32; 17],
    /// The values in the order of their codes.
    pub values: [u8; 256],
}

impl Huffman {
    pub const fn new() -> Self {
        Self {
            set: false,
            version: 0,
            counts: None,
            fast: [0; 1 << FAST],
            limit: [0; 17],
            offset: [0; 17],
            values: [0; 256],
        }
    }

    /// Builds the table from the number of codes of each length, 1 to 16, and their values in
    /// order.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if there are too many codes, or fewer values than codes.
    pub fn build(&mut self, counts: &[u8; 16], values: &[u8]) -> Result<(), Error> {
        self.set = false;
        let total: usize = counts.iter().map(|&n| usize::from(n)).sum();
        if total > 256 || values.len() < total {
            return Err(Error::corrupt("a Huffman table is too long"));
        }
        if self.counts.as_ref() == Some(counts) && self.values[..total] == values[..total] {
            self.set = true;
            return Ok(());
        }
        self.counts = None;
        self.version = self.version.wrapping_add(1);
        self.values[..total].copy_from_slice(&values[..total]);
        self.fast.fill(0);
        let mut code = 0u32;
        let mut index = 0usize;
        for length in 1..=16u32 {
            self.offset[length as usize] = index as i32 - code as i32;
            for _ in 0..counts[length as usize - 1] {
                if code >= 1 << length {
                    return Err(Error::corrupt("a Huffman table has too many codes"));
                }
                if length <= FAST {
                    let shift = FAST - length;
                    let entry = (length << 8) as u16 | u16::from(self.values[index]);
                    let first = (code << shift) as usize;
                    self.fast[first..first + (1 << shift)].fill(entry);
                }
                code += 1;
                index += 1;
            }
            self.limit[length as usize] = code << (16 - length);
            code <<= 1;
        }
        self.counts = Some(*counts);
        self.set = true;
        Ok(())
    }

    /// Changes whenever another table is built here.
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// Builds the table of annex K.3.3 for luma (`index` 0) or chroma (1), unless the picture has
    /// this one.
    pub fn or_default(&mut self, ac: bool, index: usize) -> Result<(), Error> {
        if self.set || index > 1 {
            return Ok(());
        }
        match (ac, index) {
            (false, 0) => self.build(&DC_LUMA, &DC_VALUES),
            (false, _) => self.build(&DC_CHROMA, &DC_VALUES),
            (true, 0) => self.build(&AC_LUMA, &AC_LUMA_VALUES),
            (true, _) => self.build(&AC_CHROMA, &AC_CHROMA_VALUES),
        }
    }
}

const DC_LUMA: [u8; 16] = [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0];
const DC_CHROMA: [u8; 16] = [0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0];
const DC_VALUES: [u8; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
const AC_LUMA: [u8; 16] = [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7d];
const AC_CHROMA: [u8; 16] = [0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77];
#[rustfmt::skip]
const AC_LUMA_VALUES: [u8; 162] = [
    0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07,
    0x22, 0x71, 0x14, 0x32, 0x81, 0x91, 0xa1, 0x08, 0x23, 0x42, 0xb1, 0xc1, 0x15, 0x52, 0xd1, 0xf0,
    0x24, 0x33, 0x62, 0x72, 0x82, 0x09, 0x0a, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x25, 0x26, 0x27, 0x28,
    0x29, 0x2a, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49,
    0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69,
    0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89,
    0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7,
    0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3, 0xc4, 0xc5,
    0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xe1, 0xe2,
    0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8,
    0xf9, 0xfa,
];
#[rustfmt::skip]
const AC_CHROMA_VALUES: [u8; 162] = [
    0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71,
    0x13, 0x22, 0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xa1, 0xb1, 0xc1, 0x09, 0x23, 0x33, 0x52, 0xf0,
    0x15, 0x62, 0x72, 0xd1, 0x0a, 0x16, 0x24, 0x34, 0xe1, 0x25, 0xf1, 0x17, 0x18, 0x19, 0x1a, 0x26,
    0x27, 0x28, 0x29, 0x2a, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48,
    0x49, 0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68,
    0x69, 0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87,
    0x88, 0x89, 0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0xa2, 0xa3, 0xa4, 0xa5,
    0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3,
    0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda,
    0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8,
    0xf9, 0xfa,
];
