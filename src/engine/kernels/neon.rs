//! aarch64: 4 floats; bytes with the widening multiplies that every core has (Raspberry Pi 4) or
//! SDOT (Raspberry Pi 5).

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

/// The two vectors of weights at `b + AT + MORE`.
#[inline(always)]
unsafe fn pair<const AT: usize, const MORE: usize>(b: *const i8) -> [int8x16_t; 2] {
    let (first, second);
    // SAFETY: the caller's: 32 bytes there.
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
/// Each vector of `sums` has two columns, each as two halves. Written out and in a fixed order,
/// because the compiler wants to start all products at once and then keeps sums in memory.
#[inline(always)]
unsafe fn eight<const R: usize, const AT: usize>(
    x: [[int32x4_t; 2]; R],
    b: *const i8,
    sums: &mut [[int32x4_t; 8]; R],
) {
    // SAFETY: `Dot::tile`'s: 128 bytes at `b + AT`.
    unsafe {
        quarter::<R, 0>(x, pair::<AT, 0>(b), pair::<AT, 64>(b), sums);
        quarter::<R, 4>(x, pair::<AT, 32>(b), pair::<AT, 96>(b), sums);
    }
}

/// Adds the products with two vectors of weights of each four inputs to the four sums from `FIRST`.
#[inline(always)]
unsafe fn quarter<const R: usize, const FIRST: usize>(
    x: [[int32x4_t; 2]; R],
    w0: [int8x16_t; 2],
    w1: [int8x16_t; 2],
    sums: &mut [[int32x4_t; 8]; R],
) {
    for i in 0..2 {
        for (sums, x) in sums.iter_mut().zip(x) {
            // |x| <= 128 and |w| <= 127, so two products fit 16 bits.
            // SAFETY: registers only.
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

#[inline(always)]
unsafe fn widening<const R: usize>(
    a: *const u8,
    lda: usize,
    b: *const i8,
    k: usize,
    out: *mut i32,
) {
    // SAFETY: `Dot::tile`'s; `k` is a multiple of 16.
    unsafe {
        let flip = vdupq_n_u8(0x80);
        let mut sums = [[vdupq_n_s32(0); 8]; R];
        for at in (0..k).step_by(16) {
            let mut all = [vdupq_n_s32(0); R];
            for (r, all) in all.iter_mut().enumerate() {
                *all = vreinterpretq_s32_u8(veorq_u8(vld1q_u8(a.add(r * lda + at)), flip));
            }
            let b = b.add(at * 16);
            eight::<R, 0>(
                all.map(|x| [vdupq_laneq_s32::<0>(x), vdupq_laneq_s32::<1>(x)]),
                b,
                &mut sums,
            );
            eight::<R, 128>(
                all.map(|x| [vdupq_laneq_s32::<2>(x), vdupq_laneq_s32::<3>(x)]),
                b,
                &mut sums,
            );
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

    fn shift(_: u8) -> i32 {
        128
    }

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

    fn shift(_: u8) -> i32 {
        128
    }

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
