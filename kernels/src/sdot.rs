//! aarch64: products of bytes with SDOT (Raspberry Pi 5).

use std::arch::aarch64::*;
use std::arch::asm;

use super::neon::Neon;
use super::simd::{Dot, pieces};

/// Proof that the processor has SDOT.
#[derive(Clone, Copy)]
pub(super) struct Sdot(());

impl Sdot {
    /// The token, if this processor has the instruction.
    pub fn detect() -> Option<Self> {
        std::arch::is_aarch64_feature_detected!("dotprod").then_some(Self(()))
    }

    /// `sum += w[4i..4i+4] . x[4 L..4 L+4]` for each lane i.
    #[inline(always)]
    fn dot<const L: usize>(self, sum: int32x4_t, w: int8x16_t, x: int8x16_t) -> int32x4_t {
        let mut sum = sum;
        // In assembly, because the intrinsic is not stable.
        // SAFETY: `self` proves SDOT, and the code uses registers only.
        unsafe {
            asm!(
                ".arch_extension dotprod",
                "sdot {sum:v}.4s, {w:v}.16b, {x:v}.4b[{lane}]",
                sum = inout(vreg) sum, w = in(vreg) w, x = in(vreg_low16) x, lane = const L,
                options(pure, nomem, nostack, preserves_flags),
            );
        }
        sum
    }

    /// Adds the products of inputs `4 L..4 L+4` of each row with the 64 weights at `b`.
    ///
    /// # Safety
    /// 64 weights can be read at `b`.
    #[inline(always)]
    unsafe fn four<const R: usize, const L: usize>(
        self,
        x: &[int8x16_t; R],
        b: *const i8,
        sums: &mut [[int32x4_t; 4]; R],
    ) {
        for q in 0..4 {
            // SAFETY: the caller promises the weights.
            let w = unsafe { vld1q_s8(b.add(q * 16)) };
            for (sums, x) in sums.iter_mut().zip(x) {
                sums[q] = self.dot::<L>(sums[q], w, *x);
            }
        }
    }

    /// The sums of `R` rows with one block of weights.
    ///
    /// # Safety
    /// As for [`Dot::tile`] of `R` rows and one block.
    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn piece<const R: usize>(
        self,
        a: *const u8,
        lda: usize,
        b: *const i8,
        k: usize,
        out: *mut i32,
    ) {
        let flip = vdupq_n_u8(0x80);
        let mut sums = [[vdupq_n_s32(0); 4]; R];
        for at in (0..k).step_by(16) {
            let mut x = [vdupq_n_s8(0); R];
            for (r, x) in x.iter_mut().enumerate() {
                // SAFETY: each of the `R` rows has `k` inputs, a multiple of 16.
                let bytes = unsafe { vld1q_u8(a.add(r * lda + at)) };
                *x = vreinterpretq_s8_u8(veorq_u8(bytes, flip));
            }
            // SAFETY: the block has 256 weights for each 16 inputs.
            unsafe {
                let b = b.add(at * 16);
                self.four::<R, 0>(&x, b, &mut sums);
                self.four::<R, 1>(&x, b.add(64), &mut sums);
                self.four::<R, 2>(&x, b.add(128), &mut sums);
                self.four::<R, 3>(&x, b.add(192), &mut sums);
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            for (q, sum) in sums.iter().enumerate() {
                // SAFETY: `out` has 16 sums for each row.
                unsafe { vst1q_s32(out.add(r * 16 + q * 4), *sum) };
            }
        }
    }
}

impl Dot for Sdot {
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
        pieces!(rows, blocks, [4 2 1], [1], |row, block, R, N| {
            let _ = N;
            // SAFETY: every aarch64 processor has NEON; the piece lies within the caller's tile.
            unsafe { self.piece::<R>(a.add(row * lda), lda, b.add(block * stride), k, out.add((row + block) * 16)) }
        });
    }
}
