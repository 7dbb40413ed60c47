//! The reference, in plain Rust: what every other kernel must equal.

use super::simd::{Dot, Simd, pieces};

#[derive(Clone, Copy)]
pub struct Scalar;

const LANES: usize = 4;
type V = [f32; LANES];

#[inline(always)]
fn map(a: V, b: V, f: impl Fn(f32, f32) -> f32) -> V {
    std::array::from_fn(|i| f(a[i], b[i]))
}

// SAFETY: only plain Rust; pointers are the caller's promise.
impl Simd for Scalar {
    type V = V;
    type I = [i32; LANES];
    const LANES: usize = LANES;

    #[inline(always)]
    unsafe fn splat(x: f32) -> V {
        [x; LANES]
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> V {
        // SAFETY: the caller's.
        unsafe { p.cast::<V>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(p: *mut f32, v: V) {
        // SAFETY: the caller's.
        unsafe { p.cast::<V>().write_unaligned(v) }
    }
    #[inline(always)]
    unsafe fn add(a: V, b: V) -> V {
        map(a, b, |a, b| a + b)
    }
    #[inline(always)]
    unsafe fn sub(a: V, b: V) -> V {
        map(a, b, |a, b| a - b)
    }
    #[inline(always)]
    unsafe fn mul(a: V, b: V) -> V {
        map(a, b, |a, b| a * b)
    }
    #[inline(always)]
    unsafe fn min(a: V, b: V) -> V {
        map(a, b, f32::min)
    }
    #[inline(always)]
    unsafe fn max(a: V, b: V) -> V {
        map(a, b, f32::max)
    }
    #[inline(always)]
    unsafe fn fma(a: V, b: V, c: V) -> V {
        std::array::from_fn(|i| a[i].mul_add(b[i], c[i]))
    }
    #[inline(always)]
    unsafe fn load_int(p: *const i32) -> Self::I {
        // SAFETY: the caller's.
        unsafe { p.cast::<Self::I>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn add_int(a: Self::I, b: Self::I) -> Self::I {
        std::array::from_fn(|i| a[i].wrapping_add(b[i]))
    }
    #[inline(always)]
    unsafe fn to_float(a: Self::I) -> V {
        a.map(|x| x as f32)
    }
    #[inline(always)]
    unsafe fn store_bytes(p: *mut u8, v: V) {
        let bytes = v.map(|x| x.round_ties_even() as u8);
        // SAFETY: the caller's.
        unsafe { p.cast::<[u8; LANES]>().write_unaligned(bytes) }
    }
}

// SAFETY: only plain Rust; pointers are the caller's promise.
impl Dot for Scalar {
    const ROWS: usize = 4;
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
        pieces!(rows, blocks, [1], [1], |row, block, R, N| {
            let _ = (R, N);
            let mut sums = [0_i32; 16];
            for at in (0..k).step_by(4) {
                // SAFETY: `a` has `k` bytes a row and each block `k * 16` weights.
                let (x, w) = unsafe {
                    (
                        a.add(row * lda + at).cast::<[u8; 4]>().read_unaligned(),
                        b.add(block * stride + at * 16)
                            .cast::<[i8; 64]>()
                            .read_unaligned(),
                    )
                };
                for (lane, sum) in sums.iter_mut().enumerate() {
                    for i in 0..4 {
                        *sum += i32::from(x[i]) * i32::from(w[lane * 4 + i]);
                    }
                }
            }
            // SAFETY: `out` has rows of `16 * BLOCKS` sums.
            unsafe {
                out.add((row * Self::BLOCKS + block) * 16)
                    .cast::<[i32; 16]>()
                    .write_unaligned(sums)
            }
        });
    }
}
