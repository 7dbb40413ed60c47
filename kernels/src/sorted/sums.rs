//! The sums of a prepared tile with one block of weights.
//!
//! Each step is written in assembly, because the compiler reorders the products and then keeps sums
//! in memory.

use std::arch::asm;
use std::arch::x86_64::*;

use super::layout::{ROWS, TileHead};

/// For each row, the sums of 16 columns.
type Sums = [[__m256i; 2]; ROWS];

/// The weights of one group for 16 columns.
///
/// # Safety
/// `b` has 64 weights for each group up to the one that `index` names.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn weights(b: *const i8, index: *const u16) -> [__m256i; 2] {
    // SAFETY: the caller promises both.
    unsafe {
        let group = b.add(usize::from(index.read_unaligned()) * 64);
        [
            _mm256_loadu_si256(group.cast()),
            _mm256_loadu_si256(group.add(32).cast()),
        ]
    }
}

/// Writes the sums of a sorted tile with one block of weights to `out`, 4 rows of 16.
///
/// # Safety
/// `tile` is what [`sort`](super::sort::sort) wrote for as many inputs as `b` has; `out` has room
/// for 4 rows of 16.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) unsafe fn sums(tile: *const u8, b: *const i8, out: *mut i32) {
    let mut sums = [[_mm256_setzero_si256(); 2]; ROWS];
    // SAFETY: the lists hold as many groups as the head counts, each below the number of groups,
    // and `b` has 64 weights for each.
    unsafe {
        let head = tile.cast::<TileHead>().read_unaligned();
        let (groups, middle) = (head.groups as usize, head.middle as usize);
        let indices = tile.add(TileHead::indices()).cast::<u16>();
        let bytes = tile.add(TileHead::bytes(groups));
        add_small(&mut sums, indices, bytes, head.small as usize, b);
        let (from, rest) = (indices.add(middle), bytes.add(middle * 16));
        add_middle(&mut sums, from, rest, groups - middle, b);
        let wide_indices = tile.add(TileHead::wide_indices(groups)).cast::<u16>();
        let words = tile.add(TileHead::wide_bytes(groups));
        add_wide(&mut sums, wide_indices, words, head.wide as usize, b);
    }
    for (r, sums) in sums.iter().enumerate() {
        // SAFETY: the caller promises the room.
        unsafe {
            _mm256_storeu_si256(out.add(r * 16).cast(), sums[0]);
            _mm256_storeu_si256(out.add(r * 16 + 8).cast(), sums[1]);
        }
    }
}

/// Adds `count` small groups, an even number, two at a time: their products fit 16 bits together.
///
/// # Safety
/// `indices` and `bytes` have `count` groups, and `b` their weights.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn add_small(
    sums: &mut Sums,
    indices: *const u16,
    bytes: *const u8,
    count: usize,
    b: *const i8,
) {
    let ones = _mm256_set1_epi16(1);
    for i in (0..count).step_by(2) {
        // SAFETY: both groups are in the list.
        let (w0, w1) = unsafe { (weights(b, indices.add(i)), weights(b, indices.add(i + 1))) };
        for half in 0..2 {
            for (r, sums) in sums.iter_mut().enumerate() {
                // SAFETY: AVX2 is enabled here, and each of the two groups has 16 bytes.
                unsafe {
                    asm!(
                        "vpbroadcastd {x}, [{a}]",
                        "vpbroadcastd {y}, [{a} + 16]",
                        "vpmaddubsw {x}, {x}, {w0}",
                        "vpmaddubsw {y}, {y}, {w1}",
                        "vpaddw {x}, {x}, {y}",
                        "vpmaddwd {x}, {x}, {ones}",
                        "vpaddd {sum}, {sum}, {x}",
                        a = in(reg) bytes.add(i * 16 + r * 4),
                        w0 = in(ymm_reg) w0[half], w1 = in(ymm_reg) w1[half], ones = in(ymm_reg) ones,
                        x = out(ymm_reg) _, y = out(ymm_reg) _, sum = inout(ymm_reg) sums[half],
                        options(readonly, nostack, preserves_flags),
                    );
                }
            }
        }
    }
}

/// Adds `count` middle groups, one at a time.
///
/// # Safety
/// `indices` and `bytes` have `count` groups, and `b` their weights.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn add_middle(
    sums: &mut Sums,
    indices: *const u16,
    bytes: *const u8,
    count: usize,
    b: *const i8,
) {
    let ones = _mm256_set1_epi16(1);
    for i in 0..count {
        // SAFETY: the group is in the list.
        let [w0, w1] = unsafe { weights(b, indices.add(i)) };
        for (r, [first, second]) in sums.iter_mut().enumerate() {
            // SAFETY: AVX2 is enabled here, and the group has 16 bytes.
            unsafe {
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
    }
}

/// Adds `count` wide groups, whose inputs have 16 bits.
///
/// # Safety
/// `indices` and `words` have `count` groups, and `b` their weights.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn add_wide(
    sums: &mut Sums,
    indices: *const u16,
    words: *const u8,
    count: usize,
    b: *const i8,
) {
    let even = |w| _mm256_srai_epi16::<8>(_mm256_slli_epi16::<8>(w));
    let odd = |w| _mm256_srai_epi16::<8>(w);
    for i in 0..count {
        // SAFETY: the group is in the list.
        let [w0, w1] = unsafe { weights(b, indices.add(i)) };
        let (even0, odd0, even1, odd1) = (even(w0), odd(w0), even(w1), odd(w1));
        for (r, [first, second]) in sums.iter_mut().enumerate() {
            // SAFETY: AVX2 is enabled here, and the group has 32 bytes.
            unsafe {
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
    }
}
