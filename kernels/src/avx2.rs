//! AVX2 with FMA: vectors of 8 floats; and AVX-VNNI's products of bytes.

use std::arch::x86_64::*;

use super::simd::{Dot, Simd, pieces, with_features};

/// Proof that the processor has AVX2 and FMA.
#[derive(Clone, Copy)]
pub(super) struct Avx2(());

impl Avx2 {
    /// The token, if this processor has the instruction sets.
    pub fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Self(()))
    }
}

// SAFETY: 8 numbers of 32 bits fill 256 bits, 8 bytes are 8 bytes.
unsafe impl Simd for Avx2 {
    type Floats = __m256;
    type Integers = __m256i;
    type Bytes = [u8; 8];
    const LANES: usize = 8;

    with_features! { "avx2,fma":
        fn splat(x: f32) -> __m256 { _mm256_set1_ps(x) }
        fn add(a: __m256, b: __m256) -> __m256 { _mm256_add_ps(a, b) }
        fn sub(a: __m256, b: __m256) -> __m256 { _mm256_sub_ps(a, b) }
        fn mul(a: __m256, b: __m256) -> __m256 { _mm256_mul_ps(a, b) }
        fn min(a: __m256, b: __m256) -> __m256 { _mm256_min_ps(a, b) }
        fn max(a: __m256, b: __m256) -> __m256 { _mm256_max_ps(a, b) }
        fn fma(a: __m256, b: __m256, c: __m256) -> __m256 { _mm256_fmadd_ps(a, b, c) }
        fn add_integers(a: __m256i, b: __m256i) -> __m256i { _mm256_add_epi32(a, b) }
        fn to_floats(a: __m256i) -> __m256 { _mm256_cvtepi32_ps(a) }
        fn to_bytes(v: __m256) -> [u8; 8] {
            let v = _mm256_min_ps(_mm256_max_ps(v, _mm256_setzero_ps()), _mm256_set1_ps(255.0));
            let whole = _mm256_cvtps_epi32(v);
            let words = _mm_packus_epi32(
                _mm256_castsi256_si128(whole),
                _mm256_extracti128_si256::<1>(whole),
            );
            _mm_cvtsi128_si64(_mm_packus_epi16(words, words)).to_le_bytes()
        }
    }
}

/// Proof that the processor has AVX-VNNI beside AVX2 and FMA.
#[derive(Clone, Copy)]
pub(super) struct AvxVnni(Avx2);

impl AvxVnni {
    /// The token, if this processor has the instruction sets.
    pub fn detect() -> Option<Self> {
        Avx2::detect()
            .filter(|_| is_x86_feature_detected!("avxvnni"))
            .map(Self)
    }
}

/// The sums of `R` rows with one block of weights.
///
/// # Safety
/// As for [`Dot::tile`] of `R` rows and one block.
#[inline]
#[target_feature(enable = "avx2,fma,avxvnni")]
unsafe fn piece<const R: usize>(a: *const u8, lda: usize, b: *const i8, k: usize, out: *mut i32) {
    let mut sums = [[_mm256_setzero_si256(); 2]; R];
    for at in (0..k).step_by(4) {
        // SAFETY: a block has 64 weights for each four inputs.
        let w = unsafe {
            let w = b.add(at * 16);
            [
                _mm256_loadu_si256(w.cast()),
                _mm256_loadu_si256(w.add(32).cast()),
            ]
        };
        for (r, sums) in sums.iter_mut().enumerate() {
            // SAFETY: each of the `R` rows has `k` inputs.
            let x = unsafe { a.add(r * lda + at).cast::<i32>().read_unaligned() };
            let x = _mm256_set1_epi32(x);
            sums[0] = _mm256_dpbusd_avx_epi32(sums[0], x, w[0]);
            sums[1] = _mm256_dpbusd_avx_epi32(sums[1], x, w[1]);
        }
    }
    for (r, sums) in sums.iter().enumerate() {
        // SAFETY: `out` has 16 sums for each row.
        unsafe {
            _mm256_storeu_si256(out.add(r * 16).cast(), sums[0]);
            _mm256_storeu_si256(out.add(r * 16 + 8).cast(), sums[1]);
        }
    }
}

impl Dot for AvxVnni {
    type Vectors = Avx2;
    const ROWS: usize = 12;
    const BLOCKS: usize = 1;

    #[inline(always)]
    fn vectors(self) -> Avx2 {
        self.0
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
        pieces!(rows, blocks, [6 4 2 1], [1], |row, block, R, N| {
            let _ = N;
            // SAFETY: `self` proves the features; the piece lies within the caller's tile.
            unsafe { piece::<R>(a.add(row * lda), lda, b.add(block * stride), k, out.add((row + block) * 16)) }
        });
    }
}
