//! Sorts four rows of activations into a prepared tile.

use std::arch::x86_64::*;

use super::layout::TileHead;

/// Greatest byte of a group that is summed with another.
const SMALL: i8 = 64;
/// Greatest byte of a group that `vpmaddubsw` takes.
const MIDDLE: u8 = 129;

/// Where the lists of a tile end: small groups fill the front, middle ones the back.
struct Ends {
    front: usize,
    back: usize,
    wide: usize,
}

/// Sorts four rows of `k` inputs, `lda` bytes apart, into `to` and returns the bytes written.
///
/// # Safety
/// `a` has four rows of `k` inputs, a multiple of 16 and not 0; `to` has room for
/// [`TileHead::size`] of all groups wide.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) unsafe fn sort(a: *const u8, lda: usize, k: usize, offset: u8, to: *mut u8) -> usize {
    let groups = k / 4;
    // SAFETY: the caller promises the rows and the room; `place` counts the wide groups and writes
    // their indices, which `widen` reads.
    unsafe {
        let ends = place(a, lda, k, offset, to);
        widen(a, lda, groups, ends.wide, offset, to);
        to.cast::<TileHead>().write_unaligned(TileHead {
            groups: groups as u32,
            small: ends.front as u32,
            middle: ends.back as u32,
            wide: ends.wide as u32,
        });
        TileHead::size(groups, ends.wide)
    }
}

/// Puts each group of four inputs of four rows into its list, and the bytes of small and middle
/// ones behind the lists.
///
/// # Safety
/// As for [`sort`].
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn place(a: *const u8, lda: usize, k: usize, offset: u8, to: *mut u8) -> Ends {
    let groups = k / 4;
    let off = _mm_set1_epi8(offset as i8);
    let (small, middle) = (_mm_set1_epi8(SMALL), _mm_set1_epi8(MIDDLE as i8));
    let (mut front, mut back, mut wide) = (0, groups, 0);
    // SAFETY: the caller promises the rows and the room. A slot is written at the front and at the
    // back before either end moves, and until the last group is placed there is at least one free
    // slot between them.
    unsafe {
        let indices = to.add(TileHead::indices()).cast::<u16>();
        let wide_indices = to.add(TileHead::wide_indices(groups)).cast::<u16>();
        let bytes = to.add(TileHead::bytes(groups)).cast::<__m128i>();
        for at in (0..k).step_by(16) {
            let row = |r: usize| _mm_sub_epi8(_mm_loadu_si128(a.add(r * lda + at).cast()), off);
            let four = columns([row(0), row(1), row(2), row(3)]);
            for (i, x) in four.into_iter().enumerate() {
                // Without branches, because no predictor can tell where a group belongs.
                let above = |limit| {
                    let over = _mm_subs_epu8(x, limit);
                    1 - _mm_testz_si128(over, over) as usize
                };
                let (above_small, above_middle) = (above(small), above(middle));
                let group = (at / 4 + i) as u16;
                _mm_storeu_si128(bytes.add(front), x);
                _mm_storeu_si128(bytes.add(back - 1), x);
                indices.add(front).write_unaligned(group);
                indices.add(back - 1).write_unaligned(group);
                wide_indices.add(wide).write_unaligned(group);
                front += 1 - above_small;
                back -= above_small - above_middle;
                wide += above_middle;
            }
        }
        // Small groups are multiplied in pairs: an odd last one becomes a middle one.
        if front % 2 == 1 {
            (front, back) = (front - 1, back - 1);
            let group = indices.add(front).read_unaligned();
            indices.add(back).write_unaligned(group);
            _mm_storeu_si128(bytes.add(back), _mm_loadu_si128(bytes.add(front)));
        }
    }
    Ends { front, back, wide }
}

/// Four vectors, each of the same four inputs of all four rows, from four rows of 16 inputs.
#[inline]
#[target_feature(enable = "avx2")]
fn columns(rows: [__m128i; 4]) -> [__m128i; 4] {
    let low01 = _mm_unpacklo_epi32(rows[0], rows[1]);
    let high01 = _mm_unpackhi_epi32(rows[0], rows[1]);
    let low23 = _mm_unpacklo_epi32(rows[2], rows[3]);
    let high23 = _mm_unpackhi_epi32(rows[2], rows[3]);
    [
        _mm_unpacklo_epi64(low01, low23),
        _mm_unpackhi_epi64(low01, low23),
        _mm_unpacklo_epi64(high01, high23),
        _mm_unpackhi_epi64(high01, high23),
    ]
}

/// Writes the inputs of the `wide` groups of the list in 16 bits.
///
/// # Safety
/// As for [`sort`], after [`place`] wrote the list.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn widen(a: *const u8, lda: usize, groups: usize, wide: usize, offset: u8, to: *mut u8) {
    let (low, off) = (_mm_set1_epi16(0xff), _mm_set1_epi16(i16::from(offset)));
    // SAFETY: the list has `wide` groups, each of four inputs within the rows; there is room for
    // 32 bytes of each.
    unsafe {
        let indices = to.add(TileHead::wide_indices(groups)).cast::<u16>();
        let bytes = to.add(TileHead::wide_bytes(groups)).cast::<__m128i>();
        for i in 0..wide {
            let at = usize::from(indices.add(i).read_unaligned()) * 4;
            let row = |r: usize| a.add(r * lda + at).cast::<i32>().read_unaligned();
            let x = _mm_setr_epi32(row(0), row(1), row(2), row(3));
            let even = _mm_sub_epi16(_mm_and_si128(x, low), off);
            let odd = _mm_sub_epi16(_mm_srli_epi16::<8>(x), off);
            _mm_storeu_si128(bytes.add(i * 2), _mm_unpacklo_epi32(even, odd));
            _mm_storeu_si128(bytes.add(i * 2 + 1), _mm_unpackhi_epi32(even, odd));
        }
    }
}
