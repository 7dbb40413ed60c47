//! AVX-512 with VNNI: 16 floats, and 64 products of bytes in one instruction.

use std::arch::x86_64::*;

use super::simd::{Dot, Simd, pieces};

#[derive(Clone, Copy)]
pub struct Avx512;

pub struct Vnni;

// SAFETY: callers run where AVX-512F and BW exist; pointers are their promise.
#[allow(unused_unsafe)]
impl Simd for Avx512 {
    type V = __m512;
    type I = __m512i;
    const LANES: usize = 16;

    #[inline(always)]
    unsafe fn splat(x: f32) -> __m512 {
        unsafe { _mm512_set1_ps(x) }
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> __m512 {
        unsafe { _mm512_loadu_ps(p) }
    }
    #[inline(always)]
    unsafe fn store(p: *mut f32, v: __m512) {
        unsafe { _mm512_storeu_ps(p, v) }
    }
    #[inline(always)]
    unsafe fn add(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_add_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn sub(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_sub_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn mul(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_mul_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn min(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_min_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn max(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_max_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn fma(a: __m512, b: __m512, c: __m512) -> __m512 {
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    unsafe fn load_int(p: *const i32) -> __m512i {
        unsafe { _mm512_loadu_si512(p.cast()) }
    }
    #[inline(always)]
    unsafe fn add_int(a: __m512i, b: __m512i) -> __m512i {
        unsafe { _mm512_add_epi32(a, b) }
    }
    #[inline(always)]
    unsafe fn to_float(a: __m512i) -> __m512 {
        unsafe { _mm512_cvtepi32_ps(a) }
    }
    #[inline(always)]
    unsafe fn store_bytes(p: *mut u8, v: __m512) {
        // What is too large for an integer becomes 0x8000_0000, which saturates to 255 like all
        // above it.
        unsafe {
            let whole = _mm512_cvtps_epi32(_mm512_max_ps(v, _mm512_setzero_ps()));
            _mm_storeu_si128(p.cast(), _mm512_cvtusepi32_epi8(whole));
        }
    }
}

#[inline(always)]
unsafe fn piece<const R: usize, const N: usize>(
    a: *const u8,
    lda: usize,
    b: *const i8,
    stride: usize,
    k: usize,
    out: *mut i32,
) {
    // SAFETY: `Dot::tile`'s.
    unsafe {
        let mut sums = [[_mm512_setzero_si512(); N]; R];
        for at in (0..k).step_by(4) {
            let mut w = [_mm512_setzero_si512(); N];
            for (n, w) in w.iter_mut().enumerate() {
                *w = _mm512_loadu_si512(b.add(n * stride + at * 16).cast());
            }
            for (r, sums) in sums.iter_mut().enumerate() {
                let x = _mm512_set1_epi32(a.add(r * lda + at).cast::<i32>().read_unaligned());
                for (sum, w) in sums.iter_mut().zip(w) {
                    *sum = _mm512_dpbusd_epi32(*sum, x, w);
                }
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            for (n, sum) in sums.iter().enumerate() {
                _mm512_storeu_si512(out.add((r * Vnni::BLOCKS + n) * 16).cast(), *sum);
            }
        }
    }
}

// SAFETY: callers run where AVX-512 VNNI exists; pointers are their promise.
impl Dot for Vnni {
    const ROWS: usize = 8;
    const BLOCKS: usize = 3;

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
        pieces!(rows, blocks, [8 4 2 1], [3 2 1], |row, block, R, N| {
            // SAFETY: `Dot::tile`'s.
            unsafe {
                piece::<R, N>(
                    a.add(row * lda),
                    lda,
                    b.add(block * stride),
                    stride,
                    k,
                    out.add((row * Self::BLOCKS + block) * 16),
                );
            }
        });
    }
}
