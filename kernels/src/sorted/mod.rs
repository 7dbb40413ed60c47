//! Products of bytes for AVX2, exact and as fast as `vpmaddubsw` allows.
//!
//! `vpmaddubsw` adds two products of u8 and s8 in 16 bits and saturates, so it is exact only while
//! activations are small. Most are: those after GELU lie near its zero point, those after LayerNorm
//! around it. So rows are sorted before they are multiplied. An offset that depends on the zero
//! point is subtracted, and each group of four inputs of four rows goes to one of three lists by
//! its greatest byte:
//!
//! - at most 64: two groups are summed in 16 bits, as 4 * 64 * 127 < 2^15
//! - at most 129: one group is, as 2 * 129 * 127 < 2^15
//! - others are widened to 16 bits and multiplied with `vpmaddwd`
//!
//! The sums are the same for any input; only the time depends on it. Sorting a row costs as much as
//! multiplying it with one block of 16 columns.

mod layout;
mod sort;
mod sums;

use super::avx2::Avx2;
use super::simd::{Dot, ThreadScratch};
use layout::{ROWS, TileHead};

/// The most tiles that are prepared at a time.
const TILES: usize = 256;
/// Bytes of prepared rows, which stay in the L2 cache. One tile may need more.
const PREPARED: usize = 96 << 10;

/// The number that is subtracted from each activation, so most that lie around the zero point are
/// small.
///
/// At most 126: then a byte below it wraps around to one above 129, and its group is wide.
fn offset(zero_point: u8) -> u8 {
    zero_point.saturating_sub(64).min(126)
}

/// AVX2's products of bytes.
#[derive(Clone, Copy)]
pub(super) struct Sorted(Avx2);

impl Sorted {
    /// The token, if this processor has AVX2 and FMA.
    pub fn detect() -> Option<Self> {
        Avx2::detect().map(Self)
    }
}

impl Dot for Sorted {
    type Vectors = Avx2;
    const ROWS: usize = ROWS;
    const BLOCKS: usize = 1;

    #[inline(always)]
    fn vectors(self) -> Avx2 {
        self.0
    }

    fn shift(zero_point: u8) -> i32 {
        i32::from(offset(zero_point))
    }

    fn scratch_bytes(k: usize) -> usize {
        let offsets = TILES * size_of::<u32>();
        PREPARED.max((offsets + TileHead::size(k / 4, k / 4)).next_multiple_of(64))
    }

    #[inline(always)]
    unsafe fn prepare(
        self,
        a: *const u8,
        lda: usize,
        rows: usize,
        k: usize,
        zero_point: u8,
        scratch: ThreadScratch,
    ) -> usize {
        let (offset, most) = (offset(zero_point), TileHead::size(k / 4, k / 4));
        let (mut used, mut tile) = (TILES * size_of::<u32>(), 0);
        while tile * ROWS < rows && tile < TILES && used + most <= scratch.bytes {
            // SAFETY: `self` proves AVX2; there is room for `most` bytes from `used`, and the rows
            // can be read to the next multiple of 16.
            unsafe {
                let offsets = scratch.at.cast::<u32>();
                offsets.add(tile).write_unaligned(used as u32);
                let to = scratch.at.add(used);
                used += sort::sort(a.add(tile * ROWS * lda), lda, k, offset, to);
            }
            tile += 1;
        }
        (tile * ROWS).min(rows)
    }

    #[inline(always)]
    unsafe fn input(self, _: *const u8, _: usize, row: usize, scratch: ThreadScratch) -> *const u8 {
        // SAFETY: `prepare` wrote the offset of this tile, which lies within the scratch.
        unsafe {
            let offset = scratch.at.cast::<u32>().add(row / ROWS).read_unaligned();
            scratch.at.add(offset as usize)
        }
    }

    #[inline(always)]
    unsafe fn tile(
        self,
        a: *const u8,
        _: usize,
        _: usize,
        b: *const i8,
        _: usize,
        _: usize,
        _: usize,
        out: *mut i32,
    ) {
        // SAFETY: `self` proves AVX2; `a` is what `input` returned, a whole tile.
        unsafe { sums::sums(a, b, out) }
    }
}
