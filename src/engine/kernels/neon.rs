//! aarch64: 4 floats; bytes with the widening multiplies that every core has (Raspberry Pi 4) or SDOT (Raspberry Pi 5).

use std::arch::aarch64::*;
use std::arch::asm;

use super::simd::{Dot, Simd, pieces};

#[derive(Clone, Copy)]
pub struct Neon;

pub struct Widening;

pub struct Sdot;

// SAFETY: every aarch64 core that Rust knows has NEON; pointers are the caller's promise.
impl Simd for Neon {
    type V = float32x4_t;
    type I = int32x4_t;
    const LANES: usize = 4;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self::V {
        unsafe { vdupq_n_f32(x) }
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self::V {
        unsafe { vld1q_f32(p) }
    }
    #[inline(always)]
    unsafe fn store(p: *mut f32, v: Self::V) {
        unsafe { vst1q_f32(p, v) }
    }
    #[inline(always)]
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
        unsafe { vaddq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V {
        unsafe { vsubq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V {
        unsafe { vmulq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V {
        unsafe { vminq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V {
        unsafe { vmaxq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        unsafe { vfmaq_f32(c, a, b) }
    }
    #[inline(always)]
    unsafe fn load_int(p: *const i32) -> Self::I {
        unsafe { vld1q_s32(p) }
    }
    #[inline(always)]
    unsafe fn add_int(a: Self::I, b: Self::I) -> Self::I {
        unsafe { vaddq_s32(a, b) }
    }
    #[inline(always)]
    unsafe fn to_float(a: Self::I) -> Self::V {
        unsafe { vcvtq_f32_s32(a) }
    }
    #[inline(always)]
    unsafe fn store_bytes(p: *mut u8, v: Self::V) {
        unsafe {
            let words = vqmovun_s32(vcvtnq_s32_f32(v));
            let bytes = vqmovn_u16(vcombine_u16(words, words));
            p.cast::<u32>()
                .write_unaligned(vget_lane_u32::<0>(vreinterpret_u32_u8(bytes)));
        }
    }
}

/// Sums of pairs of inputs: two lanes of a block in each vector, each as two halves.
#[inline(always)]
unsafe fn widening<const R: usize>(
    a: *const u8,
    lda: usize,
    b: *const i8,
    k: usize,
    out: *mut i32,
) {
    // SAFETY: `Dot::tile`'s; `k` is a multiple of 8.
    unsafe {
        let flip = vdup_n_u8(0x80);
        let mut sums = [[vdupq_n_s32(0); 8]; R];
        for at in (0..k).step_by(8) {
            let mut x = [[vdup_n_s8(0); 2]; R];
            for (r, x) in x.iter_mut().enumerate() {
                for (i, x) in x.iter_mut().enumerate() {
                    let four = a.add(r * lda + at + i * 4).cast::<u32>().read_unaligned();
                    *x = vreinterpret_s8_u8(veor_u8(vreinterpret_u8_u32(vdup_n_u32(four)), flip));
                }
            }
            for q in 0..4 {
                let w0 = vld1q_s8(b.add(at * 16 + q * 16));
                let w1 = vld1q_s8(b.add(at * 16 + 64 + q * 16));
                for (sums, x) in sums.iter_mut().zip(x) {
                    // |x| <= 128 and |w| <= 127, so two products fit 16 bits.
                    let low = vmlal_s8(vmull_s8(vget_low_s8(w0), x[0]), vget_low_s8(w1), x[1]);
                    let high = vmlal_s8(vmull_s8(vget_high_s8(w0), x[0]), vget_high_s8(w1), x[1]);
                    sums[q * 2] = vpadalq_s16(sums[q * 2], low);
                    sums[q * 2 + 1] = vpadalq_s16(sums[q * 2 + 1], high);
                }
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            for q in 0..4 {
                vst1q_s32(
                    out.add(r * 16 + q * 4),
                    vpaddq_s32(sums[q * 2], sums[q * 2 + 1]),
                );
            }
        }
    }
}

// SAFETY: as for `Neon`.
impl Dot for Widening {
    const ROWS: usize = 8;
    const BLOCKS: usize = 1;
    const SHIFT: i32 = 128;

    #[inline(always)]
    unsafe fn tile(
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
            // SAFETY: `Dot::tile`'s.
            unsafe { widening::<R>(a.add(row * lda), lda, b.add(block * stride), k, out.add((row + block) * 16)) }
        });
    }
}

/// `sum += w[4i..4i+4] . x[4 L..4 L+4]` for each lane i.
#[inline(always)]
unsafe fn sdot<const L: usize>(sum: int32x4_t, w: int8x16_t, x: int8x16_t) -> int32x4_t {
    let mut sum = sum;
    // The intrinsic is not stable.
    // SAFETY: the caller's: the core has SDOT.
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

#[inline(always)]
unsafe fn dotted<const R: usize>(a: *const u8, lda: usize, b: *const i8, k: usize, out: *mut i32) {
    // SAFETY: `Dot::tile`'s; `k` is a multiple of 16.
    unsafe {
        let flip = vdupq_n_u8(0x80);
        let mut sums = [[vdupq_n_s32(0); 4]; R];
        for at in (0..k).step_by(16) {
            let mut x = [vdupq_n_s8(0); R];
            for (r, x) in x.iter_mut().enumerate() {
                *x = vreinterpretq_s8_u8(veorq_u8(vld1q_u8(a.add(r * lda + at)), flip));
            }
            let b = b.add(at * 16);
            for q in 0..4 {
                let w = vld1q_s8(b.add(q * 16));
                for (sums, x) in sums.iter_mut().zip(x) {
                    sums[q] = sdot::<0>(sums[q], w, x);
                }
            }
            for q in 0..4 {
                let w = vld1q_s8(b.add(64 + q * 16));
                for (sums, x) in sums.iter_mut().zip(x) {
                    sums[q] = sdot::<1>(sums[q], w, x);
                }
            }
            for q in 0..4 {
                let w = vld1q_s8(b.add(128 + q * 16));
                for (sums, x) in sums.iter_mut().zip(x) {
                    sums[q] = sdot::<2>(sums[q], w, x);
                }
            }
            for q in 0..4 {
                let w = vld1q_s8(b.add(192 + q * 16));
                for (sums, x) in sums.iter_mut().zip(x) {
                    sums[q] = sdot::<3>(sums[q], w, x);
                }
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            for (q, sum) in sums.iter().enumerate() {
                vst1q_s32(out.add(r * 16 + q * 4), *sum);
            }
        }
    }
}

// SAFETY: callers run where SDOT exists; pointers are their promise.
impl Dot for Sdot {
    const ROWS: usize = 8;
    const BLOCKS: usize = 1;
    const SHIFT: i32 = 128;

    #[inline(always)]
    unsafe fn tile(
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
            // SAFETY: `Dot::tile`'s.
            unsafe { dotted::<R>(a.add(row * lda), lda, b.add(block * stride), k, out.add((row + block) * 16)) }
        });
    }
}
