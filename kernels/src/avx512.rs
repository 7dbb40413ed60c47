//! AVX-512 with VNNI: vectors of 16 floats, and 64 products of bytes in one instruction.

use std::arch::x86_64::*;

use super::simd::{Dot, Simd, pieces, with_features};

/// Proof that the processor has AVX-512F and AVX-512BW.
#[derive(Clone, Copy)]
pub(super) struct Avx512(());

impl Avx512 {
    /// The token, if this processor has the instruction sets.
    pub fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw"))
            .then_some(Self(()))
    }
}

// SAFETY: 16 numbers of 32 bits fill 512 bits, 16 bytes fill 128.
unsafe impl Simd for Avx512 {
    type Floats = __m512;
    type Integers = __m512i;
    type Bytes = __m128i;
    const LANES: usize = 16;

    with_features! { "avx512f,avx512bw":
        fn splat(x: f32) -> __m512 { _mm512_set1_ps(x) }
        fn add(a: __m512, b: __m512) -> __m512 { _mm512_add_ps(a, b) }
        fn sub(a: __m512, b: __m512) -> __m512 { _mm512_sub_ps(a, b) }
        fn mul(a: __m512, b: __m512) -> __m512 { _mm512_mul_ps(a, b) }
        fn min(a: __m512, b: __m512) -> __m512 { _mm512_min_ps(a, b) }
        fn max(a: __m512, b: __m512) -> __m512 { _mm512_max_ps(a, b) }
        fn fma(a: __m512, b: __m512, c: __m512) -> __m512 { _mm512_fmadd_ps(a, b, c) }
        fn add_integers(a: __m512i, b: __m512i) -> __m512i { _mm512_add_epi32(a, b) }
        fn to_floats(a: __m512i) -> __m512 { _mm512_cvtepi32_ps(a) }
        fn to_bytes(v: __m512) -> __m128i {
            // A float too large for an integer becomes 0x8000_0000, which saturates to 255 like
            // any number above it.
            _mm512_cvtusepi32_epi8(_mm512_cvtps_epi32(_mm512_max_ps(v, _mm512_setzero_ps())))
        }
    }
}

/// Proof that the processor has AVX-512 VNNI beside AVX-512F and AVX-512BW.
#[derive(Clone, Copy)]
pub(super) struct Avx512Vnni(Avx512);

impl Avx512Vnni {
    /// The token, if this processor has the instruction sets.
    pub fn detect() -> Option<Self> {
        Avx512::detect()
            .filter(|_| is_x86_feature_detected!("avx512vnni"))
            .map(Self)
    }
}

/// The sums of `R` rows with `N` blocks of weights.
///
/// # Safety
/// As for [`Dot::tile`] of `R` rows and `N` blocks.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
unsafe fn piece<const R: usize, const N: usize>(
    a: *const u8,
    lda: usize,
    b: *const i8,
    stride: usize,
    k: usize,
    out: *mut i32,
) {
    let mut sums = [[_mm512_setzero_si512(); N]; R];
    for at in (0..k).step_by(4) {
        let mut w = [_mm512_setzero_si512(); N];
        for (n, w) in w.iter_mut().enumerate() {
            // SAFETY: each of the `N` blocks has 64 weights for each four inputs.
            *w = unsafe { _mm512_loadu_si512(b.add(n * stride + at * 16).cast()) };
        }
        for (r, sums) in sums.iter_mut().enumerate() {
            // SAFETY: each of the `R` rows has `k` inputs.
            let x = unsafe { a.add(r * lda + at).cast::<i32>().read_unaligned() };
            let x = _mm512_set1_epi32(x);
            for (sum, w) in sums.iter_mut().zip(w) {
                *sum = _mm512_dpbusd_epi32(*sum, x, w);
            }
        }
    }
    for (r, sums) in sums.iter().enumerate() {
        for (n, sum) in sums.iter().enumerate() {
            // SAFETY: `out` has 16 sums for each row and block of a whole tile.
            unsafe {
                _mm512_storeu_si512(out.add((r * Avx512Vnni::BLOCKS + n) * 16).cast(), *sum);
            }
        }
    }
}

impl Dot for Avx512Vnni {
    type Vectors = Avx512;
    const ROWS: usize = 8;
    const BLOCKS: usize = 3;

    #[inline(always)]
    fn vectors(self) -> Avx512 {
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
        pieces!(rows, blocks, [8 4 2 1], [3 2 1], |row, block, R, N| {
            // SAFETY: `self` proves the features; the piece lies within the caller's tile.
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
