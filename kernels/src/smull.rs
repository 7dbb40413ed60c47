//! aarch64: products of bytes with the widening multiplies that every core has (Raspberry Pi 4).

use std::arch::aarch64::*;
use std::arch::asm;

use super::neon::Neon;
use super::simd::{Dot, pieces};

/// NEON's widening multiplies.
#[derive(Clone, Copy)]
pub(super) struct Smull;

/// The two vectors of weights at `b + AT + MORE`.
///
/// # Safety
/// 32 bytes can be read there.
#[inline(always)]
unsafe fn pair<const AT: usize, const MORE: usize>(b: *const i8) -> [int8x16_t; 2] {
    let (first, second);
    // SAFETY: the caller promises the bytes, and every aarch64 processor has NEON.
    unsafe {
        asm!(
            "ldp {first:q}, {second:q}, [{b}, #{at}]",
            b = in(reg) b, at = const AT + MORE, first = out(vreg) first, second = out(vreg) second,
            options(readonly, nostack, preserves_flags),
        );
    }
    [first, second]
}

/// Adds the products of eight inputs: `x` are two fours of them for each row, repeated over the
/// vector; their weights stand at `b + AT`.
///
/// Each vector of `sums` has two columns, each as two halves. Written in assembly and in a fixed
/// order, because the compiler wants to start all products at once and then keeps sums in memory.
///
/// # Safety
/// 128 weights can be read at `b + AT`.
#[inline(always)]
unsafe fn eight<const R: usize, const AT: usize>(
    x: [[int32x4_t; 2]; R],
    b: *const i8,
    sums: &mut [[int32x4_t; 8]; R],
) {
    // SAFETY: both pairs lie within the 128 weights.
    let (w0, w1) = unsafe { (pair::<AT, 0>(b), pair::<AT, 64>(b)) };
    quarter::<R, 0>(x, w0, w1, sums);
    // SAFETY: and so do these.
    let (w0, w1) = unsafe { (pair::<AT, 32>(b), pair::<AT, 96>(b)) };
    quarter::<R, 4>(x, w0, w1, sums);
}

/// Adds the products with two vectors of weights of each four inputs to the four sums from `FIRST`.
#[inline(always)]
fn quarter<const R: usize, const FIRST: usize>(
    x: [[int32x4_t; 2]; R],
    w0: [int8x16_t; 2],
    w1: [int8x16_t; 2],
    sums: &mut [[int32x4_t; 8]; R],
) {
    for i in 0..2 {
        for (sums, x) in sums.iter_mut().zip(x) {
            // |x| <= 128 and |w| <= 127, so two products fit 16 bits.
            // SAFETY: the code uses registers only, and every aarch64 processor has NEON.
            unsafe {
                asm!(
                    "smull {t:v}.8h, {w0:v}.8b, {x0:v}.8b",
                    "smull2 {u:v}.8h, {w0:v}.16b, {x0:v}.16b",
                    "smlal {t:v}.8h, {w1:v}.8b, {x1:v}.8b",
                    "smlal2 {u:v}.8h, {w1:v}.16b, {x1:v}.16b",
                    "sadalp {low:v}.4s, {t:v}.8h",
                    "sadalp {high:v}.4s, {u:v}.8h",
                    w0 = in(vreg) w0[i], w1 = in(vreg) w1[i], x0 = in(vreg) x[0], x1 = in(vreg) x[1],
                    t = out(vreg) _, u = out(vreg) _,
                    low = inout(vreg) sums[FIRST + i * 2], high = inout(vreg) sums[FIRST + i * 2 + 1],
                    options(nomem, nostack, preserves_flags),
                );
            }
        }
    }
}

/// The sums of `R` rows with one block of weights.
///
/// # Safety
/// As for [`Dot::tile`] of `R` rows and one block.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn piece<const R: usize>(a: *const u8, lda: usize, b: *const i8, k: usize, out: *mut i32) {
    let flip = vdupq_n_u8(0x80);
    let mut sums = [[vdupq_n_s32(0); 8]; R];
    for at in (0..k).step_by(16) {
        let mut all = [vdupq_n_s32(0); R];
        for (r, all) in all.iter_mut().enumerate() {
            // SAFETY: each of the `R` rows has `k` inputs, a multiple of 16.
            let x = unsafe { vld1q_u8(a.add(r * lda + at)) };
            *all = vreinterpretq_s32_u8(veorq_u8(x, flip));
        }
        let first = all.map(|x| [vdupq_laneq_s32::<0>(x), vdupq_laneq_s32::<1>(x)]);
        let second = all.map(|x| [vdupq_laneq_s32::<2>(x), vdupq_laneq_s32::<3>(x)]);
        // SAFETY: the block has 256 weights for each 16 inputs.
        unsafe {
            let b = b.add(at * 16);
            eight::<R, 0>(first, b, &mut sums);
            eight::<R, 128>(second, b, &mut sums);
        }
    }
    for (r, sums) in sums.iter().enumerate() {
        for q in 0..4 {
            let four = vpaddq_s32(sums[q * 2], sums[q * 2 + 1]);
            // SAFETY: `out` has 16 sums for each row.
            unsafe { vst1q_s32(out.add(r * 16 + q * 4), four) };
        }
    }
}

impl Dot for Smull {
    type Vectors = Neon;
    const ROWS: usize = 8;
    const BLOCKS: usize = 1;

    fn shift(_: u8) -> i32 {
        128
    }

    #[inline(always)]
    fn vectors(self) -> Neon {
        Neon
    }

    #[inline(always)]
    unsafe fn tile(
        self,
        a: *const u8,
        lda: usize,
        rows: usize,
        b: *const i8,
        stride: usize,
        blocks: usize,
        k: usize,
        out: *mut i32,
    ) {
        pieces!(rows, blocks, [2 1], [1], |row, block, R, N| {
            let _ = N;
            // SAFETY: every aarch64 processor has NEON; the piece lies within the caller's tile.
            unsafe { piece::<R>(a.add(row * lda), lda, b.add(block * stride), k, out.add((row + block) * 16)) }
        });
    }
}
