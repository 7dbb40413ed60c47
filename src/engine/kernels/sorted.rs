//! Products of bytes for AVX2, exact and as fast as `vpmaddubsw` allows.
//!
//! `vpmaddubsw` adds two products of u8 and s8 in 16 bits and saturates, so whether it is exact
//! depends on how large the activations are. They rarely are: what follows GELU lies near its zero
//! point, what follows LayerNorm around it. So rows are sorted before they are multiplied. An
//! offset that depends on the zero point is taken off, and each group of four inputs of four rows
//! goes to one of three lists by its greatest byte:
//!
//! - at most 64: two groups are summed in 16 bits, as 4 * 64 * 127 < 2^15
//! - at most 129: one group is, as 2 * 129 * 127 < 2^15
//! - others are widened to 16 bits and multiplied with `vpmaddwd`
//!
//! The sums are the same whatever the input; only the time depends on it. Sorting costs once for
//! each row what one block of 16 columns costs.

use std::arch::asm;
use std::arch::x86_64::*;

use super::simd::{Dot, Room};

/// Greatest byte of a group that is summed with another.
const SMALL: i8 = 64;
/// Greatest byte of a group that `vpmaddubsw` takes.
const MIDDLE: u8 = 129;
/// Rows of a tile.
const ROWS: usize = 4;
/// The most tiles that are prepared at a time.
const TILES: usize = 256;
/// Bytes of prepared rows, which stay in the L2 cache. One tile may need more.
const ROOM: usize = 96 << 10;

/// How a prepared tile starts; lists and bytes follow it.
///
/// Indices of groups, u16: one for each group, small ones from the front and middle ones from the
/// back, then again one for each group, of the wide ones. Bytes in the same order: 16 for each
/// group, row by row; then 32 for each wide one, for each row its first and third input and its
/// second and fourth, in 16 bits.
#[derive(Clone, Copy)]
#[repr(C)]
struct Head {
    /// Inputs in fours.
    groups: u32,
    /// Small groups, an even number of them.
    small: u32,
    /// Where middle groups begin.
    middle: u32,
    /// Wide groups.
    wide: u32,
}

impl Head {
    /// Where the indices of wide groups begin.
    fn wide_indices(groups: usize) -> usize {
        size_of::<Self>() + groups * 2
    }

    /// Where the bytes of small and middle groups begin.
    fn bytes(groups: usize) -> usize {
        size_of::<Self>() + groups * 4
    }

    /// Where those of wide groups begin.
    fn wide_bytes(groups: usize) -> usize {
        Self::bytes(groups) + groups * 16
    }

    /// Bytes of a whole tile.
    fn size(groups: usize, wide: usize) -> usize {
        Self::wide_bytes(groups) + wide * 32
    }
}

/// What is taken off each activation, so that most that lie around the zero point fit.
///
/// At most 126: then a byte below it wraps around to one above [`MIDDLE`].
fn offset(zero_point: u8) -> u8 {
    zero_point.saturating_sub(64).min(126)
}

/// Sorts four rows of `k` inputs into `to` and returns the bytes written.
///
/// # Safety
/// AVX2 exists; `a` has four rows; `to` has room for [`Head::size`] of all groups wide.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn sort(a: *const u8, lda: usize, k: usize, offset: u8, to: *mut u8) -> usize {
    let groups = k / 4;
    // SAFETY: the caller's. A slot is written at the front and at the back before either end moves,
    // and until the last group is placed there is at least one free slot between them.
    unsafe {
        let indices = to.add(size_of::<Head>()).cast::<u16>();
        let wide_indices = to.add(Head::wide_indices(groups)).cast::<u16>();
        let bytes = to.add(Head::bytes(groups)).cast::<__m128i>();
        let off = _mm_set1_epi8(offset as i8);
        let (small, middle) = (_mm_set1_epi8(SMALL), _mm_set1_epi8(MIDDLE as i8));
        let (mut front, mut back, mut wide) = (0, groups, 0);
        for at in (0..k).step_by(16) {
            let row = |r: usize| _mm_sub_epi8(_mm_loadu_si128(a.add(r * lda + at).cast()), off);
            let (low01, high01) = (
                _mm_unpacklo_epi32(row(0), row(1)),
                _mm_unpackhi_epi32(row(0), row(1)),
            );
            let (low23, high23) = (
                _mm_unpacklo_epi32(row(2), row(3)),
                _mm_unpackhi_epi32(row(2), row(3)),
            );
            let four = [
                _mm_unpacklo_epi64(low01, low23),
                _mm_unpackhi_epi64(low01, low23),
                _mm_unpacklo_epi64(high01, high23),
                _mm_unpackhi_epi64(high01, high23),
            ];
            for (i, x) in four.into_iter().enumerate() {
                // Without branches, because nothing foretells where a group belongs.
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
        if front % 2 == 1 {
            (front, back) = (front - 1, back - 1);
            indices
                .add(back)
                .write_unaligned(indices.add(front).read_unaligned());
            _mm_storeu_si128(bytes.add(back), _mm_loadu_si128(bytes.add(front)));
        }
        let wide_bytes = to.add(Head::wide_bytes(groups)).cast::<__m128i>();
        let (low, off) = (_mm_set1_epi16(0xff), _mm_set1_epi16(i16::from(offset)));
        for i in 0..wide {
            let at = usize::from(wide_indices.add(i).read_unaligned()) * 4;
            let row = |r: usize| a.add(r * lda + at).cast::<i32>().read_unaligned();
            let x = _mm_setr_epi32(row(0), row(1), row(2), row(3));
            let even = _mm_sub_epi16(_mm_and_si128(x, low), off);
            let odd = _mm_sub_epi16(_mm_srli_epi16::<8>(x), off);
            _mm_storeu_si128(wide_bytes.add(i * 2), _mm_unpacklo_epi32(even, odd));
            _mm_storeu_si128(wide_bytes.add(i * 2 + 1), _mm_unpackhi_epi32(even, odd));
        }
        to.cast::<Head>().write_unaligned(Head {
            groups: groups as u32,
            small: front as u32,
            middle: back as u32,
            wide: wide as u32,
        });
        Head::size(groups, wide)
    }
}

/// The sums of a sorted tile with one block of weights.
///
/// Each step is written out, because the compiler reorders the products and then keeps sums in
/// memory.
///
/// # Safety
/// AVX2 exists; `tile` is what [`sort`] wrote for as many inputs as `b` has; `out` has room for 4
/// rows of 16.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn sums(tile: *const u8, b: *const i8, out: *mut i32) {
    // SAFETY: the caller's; indices are below the number of groups and each group has 64 weights.
    unsafe {
        let head = tile.cast::<Head>().read_unaligned();
        let (groups, middle) = (head.groups as usize, head.middle as usize);
        let indices = tile.add(size_of::<Head>()).cast::<u16>();
        let bytes = tile.add(Head::bytes(groups));
        let weights = |indices: *const u16, i: usize, half: usize| {
            let group = usize::from(indices.add(i).read_unaligned());
            _mm256_loadu_si256(b.add(group * 64 + half * 32).cast())
        };
        let ones = _mm256_set1_epi16(1);
        let mut sums = [[_mm256_setzero_si256(); 2]; ROWS];
        for i in (0..head.small as usize).step_by(2) {
            for half in 0..2 {
                let (w0, w1) = (weights(indices, i, half), weights(indices, i + 1, half));
                for (r, sums) in sums.iter_mut().enumerate() {
                    asm!(
                        "vpbroadcastd {x}, [{a}]",
                        "vpbroadcastd {y}, [{a} + 16]",
                        "vpmaddubsw {x}, {x}, {w0}",
                        "vpmaddubsw {y}, {y}, {w1}",
                        "vpaddw {x}, {x}, {y}",
                        "vpmaddwd {x}, {x}, {ones}",
                        "vpaddd {sum}, {sum}, {x}",
                        a = in(reg) bytes.add(i * 16 + r * 4),
                        w0 = in(ymm_reg) w0, w1 = in(ymm_reg) w1, ones = in(ymm_reg) ones,
                        x = out(ymm_reg) _, y = out(ymm_reg) _, sum = inout(ymm_reg) sums[half],
                        options(readonly, nostack, preserves_flags),
                    );
                }
            }
        }
        for i in middle..groups {
            let (w0, w1) = (weights(indices, i, 0), weights(indices, i, 1));
            for (r, sums) in sums.iter_mut().enumerate() {
                let [first, second] = sums;
                asm!(
                    "vpbroadcastd {x}, [{a}]",
                    "vpmaddubsw {y}, {x}, {w0}",
                    "vpmaddubsw {x}, {x}, {w1}",
                    "vpmaddwd {y}, {y}, {ones}",
                    "vpmaddwd {x}, {x}, {ones}",
                    "vpaddd {first}, {first}, {y}",
                    "vpaddd {second}, {second}, {x}",
                    a = in(reg) bytes.add(i * 16 + r * 4),
                    w0 = in(ymm_reg) w0, w1 = in(ymm_reg) w1, ones = in(ymm_reg) ones,
                    x = out(ymm_reg) _, y = out(ymm_reg) _,
                    first = inout(ymm_reg) *first, second = inout(ymm_reg) *second,
                    options(readonly, nostack, preserves_flags),
                );
            }
        }
        let wide_indices = tile.add(Head::wide_indices(groups)).cast::<u16>();
        let words = tile.add(Head::wide_bytes(groups));
        for i in 0..head.wide as usize {
            let (w0, w1) = (weights(wide_indices, i, 0), weights(wide_indices, i, 1));
            let even = |w| _mm256_srai_epi16::<8>(_mm256_slli_epi16::<8>(w));
            let odd = |w| _mm256_srai_epi16::<8>(w);
            let (even0, odd0, even1, odd1) = (even(w0), odd(w0), even(w1), odd(w1));
            for (r, sums) in sums.iter_mut().enumerate() {
                let [first, second] = sums;
                asm!(
                    "vpbroadcastd {x}, [{a}]",
                    "vpmaddwd {y}, {x}, {even0}",
                    "vpmaddwd {x}, {x}, {even1}",
                    "vpaddd {first}, {first}, {y}",
                    "vpaddd {second}, {second}, {x}",
                    "vpbroadcastd {x}, [{a} + 4]",
                    "vpmaddwd {y}, {x}, {odd0}",
                    "vpmaddwd {x}, {x}, {odd1}",
                    "vpaddd {first}, {first}, {y}",
                    "vpaddd {second}, {second}, {x}",
                    a = in(reg) words.add(i * 32 + r * 8),
                    even0 = in(ymm_reg) even0, odd0 = in(ymm_reg) odd0,
                    even1 = in(ymm_reg) even1, odd1 = in(ymm_reg) odd1,
                    x = out(ymm_reg) _, y = out(ymm_reg) _,
                    first = inout(ymm_reg) *first, second = inout(ymm_reg) *second,
                    options(readonly, nostack, preserves_flags),
                );
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            _mm256_storeu_si256(out.add(r * 16).cast(), sums[0]);
            _mm256_storeu_si256(out.add(r * 16 + 8).cast(), sums[1]);
        }
    }
}

/// AVX2's products of bytes.
pub struct Sorted;

// SAFETY: callers run where AVX2 exists; pointers are their promise.
impl Dot for Sorted {
    const ROWS: usize = ROWS;
    const BLOCKS: usize = 1;

    fn shift(zero_point: u8) -> i32 {
        i32::from(offset(zero_point))
    }

    fn room(k: usize) -> usize {
        let offsets = TILES * size_of::<u32>();
        ROOM.max((offsets + Head::size(k / 4, k / 4)).next_multiple_of(64))
    }

    #[inline(always)]
    unsafe fn prepare(
        a: *const u8,
        lda: usize,
        rows: usize,
        k: usize,
        zero_point: u8,
        room: Room,
    ) -> usize {
        let (offset, most) = (offset(zero_point), Head::size(k / 4, k / 4));
        let (mut used, mut tile) = (TILES * size_of::<u32>(), 0);
        while tile * ROWS < rows && tile < TILES && used + most <= room.bytes {
            // SAFETY: there is room; rows may be read to the next multiple of 16.
            unsafe {
                room.at.cast::<u32>().add(tile).write_unaligned(used as u32);
                used += sort(a.add(tile * ROWS * lda), lda, k, offset, room.at.add(used));
            }
            tile += 1;
        }
        (tile * ROWS).min(rows)
    }

    #[inline(always)]
    unsafe fn input(_: *const u8, _: usize, row: usize, room: Room) -> *const u8 {
        // SAFETY: `prepare` wrote the offset of this tile.
        unsafe {
            let offset = room.at.cast::<u32>().add(row / ROWS).read_unaligned();
            room.at.add(offset as usize)
        }
    }

    #[inline(always)]
    unsafe fn tile(
        a: *const u8,
        _: usize,
        _: usize,
        b: *const i8,
        _: usize,
        _: usize,
        _: usize,
        out: *mut i32,
    ) {
        // SAFETY: `Dot::tile`'s; `a` is what `input` gave.
        unsafe { sums(a, b, out) }
    }
}
