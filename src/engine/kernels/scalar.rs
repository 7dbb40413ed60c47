//! The reference, in plain Rust: what every other kernel must equal.

use std::marker::PhantomData;

use super::simd::{Dot, Simd, pieces};

/// What is done with one float at a time, where a processor may have a quicker way than plain
/// Rust's. All ways give the same bits of numbers that are finite.
pub trait Maths: Copy {
    /// [`Simd::PIXELS`].
    const PIXELS: usize = 8;

    fn min(a: f32, b: f32) -> f32;
    fn max(a: f32, b: f32) -> f32;
    /// `a * b + c`, rounded once.
    fn fused(a: f32, b: f32, c: f32) -> f32;
    /// Rounds half to even and clamps to 0..=255.
    fn byte(x: f32) -> u8;
}

/// Vectors whose floats are worked on one by one.
#[derive(Clone, Copy)]
pub struct OneByOne<M>(PhantomData<M>);

const LANES: usize = 4;
type V = [f32; LANES];

#[inline(always)]
fn map(a: V, b: V, f: impl Fn(f32, f32) -> f32) -> V {
    std::array::from_fn(|i| f(a[i], b[i]))
}

// SAFETY: pointers are the caller's promise, and what `M` needs of the processor.
impl<M: Maths> Simd for OneByOne<M> {
    type V = V;
    type I = [i32; LANES];
    const LANES: usize = LANES;
    const PIXELS: usize = M::PIXELS;

    #[inline(always)]
    unsafe fn splat(x: f32) -> V {
        [x; LANES]
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> V {
        // SAFETY: the caller's.
        unsafe { p.cast::<V>().read() }
    }
    #[inline(always)]
    unsafe fn store(p: *mut f32, v: V) {
        // SAFETY: the caller's.
        unsafe { p.cast::<V>().write(v) }
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
        map(a, b, M::min)
    }
    #[inline(always)]
    unsafe fn max(a: V, b: V) -> V {
        map(a, b, M::max)
    }
    #[inline(always)]
    unsafe fn fma(a: V, b: V, c: V) -> V {
        std::array::from_fn(|i| M::fused(a[i], b[i], c[i]))
    }
    #[inline(always)]
    unsafe fn load_int(p: *const i32) -> Self::I {
        // SAFETY: the caller's.
        unsafe { p.cast::<Self::I>().read() }
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
        // SAFETY: the caller's.
        unsafe { p.cast::<[u8; LANES]>().write(v.map(M::byte)) }
    }
}

/// Plain Rust.
#[derive(Clone, Copy)]
pub struct Scalar;

impl Maths for Scalar {
    #[inline(always)]
    fn min(a: f32, b: f32) -> f32 {
        a.min(b)
    }
    #[inline(always)]
    fn max(a: f32, b: f32) -> f32 {
        a.max(b)
    }
    #[inline(always)]
    fn fused(a: f32, b: f32, c: f32) -> f32 {
        a.mul_add(b, c)
    }
    #[inline(always)]
    fn byte(x: f32) -> u8 {
        x.round_ties_even() as u8
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
