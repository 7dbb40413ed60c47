//! AVX2 with FMA: 8 floats; and AVX-VNNI's products of bytes.

use std::arch::x86_64::*;

use super::simd::{Dot, Simd, pieces};

#[derive(Clone, Copy)]
pub struct Avx2;

pub struct AvxVnni;

// SAFETY: callers run where AVX2 and FMA exist; pointers are their promise.
#[allow(unused_unsafe)]
impl Simd for Avx2 {
    type V = __m256;
    type I = __m256i;
    const LANES: usize = 8;

    #[inline(always)]
    unsafe fn splat(x: f32) -> __m256 {
        unsafe { _mm256_set1_ps(x) }
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> __m256 {
        unsafe { _mm256_loadu_ps(p) }
    }
    #[inline(always)]
    unsafe fn store(p: *mut f32, v: __m256) {
        unsafe { _mm256_storeu_ps(p, v) }
    }
    #[inline(always)]
    unsafe fn add(a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_add_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn sub(a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_sub_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn mul(a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_mul_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn min(a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_min_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn max(a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_max_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn fma(a: __m256, b: __m256, c: __m256) -> __m256 {
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    unsafe fn load_int(p: *const i32) -> __m256i {
        unsafe { _mm256_loadu_si256(p.cast()) }
    }
    #[inline(always)]
    unsafe fn add_int(a: __m256i, b: __m256i) -> __m256i {
        unsafe { _mm256_add_epi32(a, b) }
    }
    #[inline(always)]
    unsafe fn to_float(a: __m256i) -> __m256 {
        unsafe { _mm256_cvtepi32_ps(a) }
    }
    #[inline(always)]
    unsafe fn store_bytes(p: *mut u8, v: __m256) {
        unsafe {
            let v = _mm256_min_ps(_mm256_max_ps(v, _mm256_setzero_ps()), _mm256_set1_ps(255.0));
            let whole = _mm256_cvtps_epi32(v);
            let words = _mm_packus_epi32(
                _mm256_castsi256_si128(whole),
                _mm256_extracti128_si256::<1>(whole),
            );
            _mm_storel_epi64(p.cast(), _mm_packus_epi16(words, words));
        }
    }
}

#[inline(always)]
unsafe fn vnni<const R: usize>(a: *const u8, lda: usize, b: *const i8, k: usize, out: *mut i32) {
    // SAFETY: `Dot::tile`'s.
    unsafe {
        let mut sums = [[_mm256_setzero_si256(); 2]; R];
        for at in (0..k).step_by(4) {
            let w0 = _mm256_loadu_si256(b.add(at * 16).cast());
            let w1 = _mm256_loadu_si256(b.add(at * 16 + 32).cast());
            for (r, sums) in sums.iter_mut().enumerate() {
                let x = _mm256_set1_epi32(a.add(r * lda + at).cast::<i32>().read_unaligned());
                sums[0] = _mm256_dpbusd_avx_epi32(sums[0], x, w0);
                sums[1] = _mm256_dpbusd_avx_epi32(sums[1], x, w1);
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            _mm256_storeu_si256(out.add(r * 16).cast(), sums[0]);
            _mm256_storeu_si256(out.add(r * 16 + 8).cast(), sums[1]);
        }
    }
}

// SAFETY: callers run where AVX-VNNI exists; pointers are their promise.
impl Dot for AvxVnni {
    const ROWS: usize = 12;
    const BLOCKS: usize = 1;

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
        pieces!(rows, blocks, [6 4 2 1], [1], |row, block, R, N| {
            let _ = N;
            // SAFETY: `Dot::tile`'s.
            unsafe { vnni::<R>(a.add(row * lda), lda, b.add(block * stride), k, out.add((row + block) * 16)) }
        });
    }
}
