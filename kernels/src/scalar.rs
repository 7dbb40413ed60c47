//! The reference, in plain Rust, that every other kernel must equal.

use super::simd::{Dot, Simd, pieces};

/// Operations on one float, where a processor may have a quicker way than plain Rust's. All ways
/// give the same bits for finite numbers.
pub(super) trait Maths: Copy {
    /// [`Simd::PIXELS`].
    const PIXELS: usize = 8;

    fn min(self, a: f32, b: f32) -> f32;
    fn max(self, a: f32, b: f32) -> f32;
    /// `a * b + c`, rounded once.
    fn fused(self, a: f32, b: f32, c: f32) -> f32;
    /// Rounds half to even and clamps to 0..=255.
    fn byte(self, x: f32) -> u8;
}

/// Vectors whose floats are computed one by one.
#[derive(Clone, Copy)]
pub(super) struct OneByOne<M>(pub M);

const LANES: usize = 4;
type Floats = [f32; LANES];
type Integers = [i32; LANES];

#[inline(always)]
fn map(a: Floats, b: Floats, f: impl Fn(f32, f32) -> f32) -> Floats {
    std::array::from_fn(|i| f(a[i], b[i]))
}

// SAFETY: arrays of `LANES` numbers.
unsafe impl<M: Maths> Simd for OneByOne<M> {
    type Floats = Floats;
    type Integers = Integers;
    type Bytes = [u8; LANES];
    const LANES: usize = LANES;
    const PIXELS: usize = M::PIXELS;

    #[inline(always)]
    fn splat(self, x: f32) -> Floats {
        [x; LANES]
    }
    #[inline(always)]
    fn add(self, a: Floats, b: Floats) -> Floats {
        map(a, b, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, a: Floats, b: Floats) -> Floats {
        map(a, b, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, a: Floats, b: Floats) -> Floats {
        map(a, b, |a, b| a * b)
    }
    #[inline(always)]
    fn min(self, a: Floats, b: Floats) -> Floats {
        map(a, b, |a, b| self.0.min(a, b))
    }
    #[inline(always)]
    fn max(self, a: Floats, b: Floats) -> Floats {
        map(a, b, |a, b| self.0.max(a, b))
    }
    #[inline(always)]
    fn fma(self, a: Floats, b: Floats, c: Floats) -> Floats {
        std::array::from_fn(|i| self.0.fused(a[i], b[i], c[i]))
    }
    #[inline(always)]
    fn add_integers(self, a: Integers, b: Integers) -> Integers {
        std::array::from_fn(|i| a[i].wrapping_add(b[i]))
    }
    #[inline(always)]
    fn to_floats(self, a: Integers) -> Floats {
        a.map(|x| x as f32)
    }
    #[inline(always)]
    fn to_bytes(self, v: Floats) -> [u8; LANES] {
        v.map(|x| self.0.byte(x))
    }
}

/// Plain Rust.
#[derive(Clone, Copy)]
pub(super) struct Scalar;

impl Maths for Scalar {
    #[inline(always)]
    fn min(self, a: f32, b: f32) -> f32 {
        a.min(b)
    }
    #[inline(always)]
    fn max(self, a: f32, b: f32) -> f32 {
        a.max(b)
    }
    #[inline(always)]
    fn fused(self, a: f32, b: f32, c: f32) -> f32 {
        a.mul_add(b, c)
    }
    #[inline(always)]
    fn byte(self, x: f32) -> u8 {
        x.round_ties_even() as u8
    }
}

impl Dot for Scalar {
    type Vectors = OneByOne<Self>;
    const ROWS: usize = 4;
    const BLOCKS: usize = 1;

    #[inline(always)]
    fn vectors(self) -> OneByOne<Self> {
        OneByOne(self)
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
        pieces!(rows, blocks, [1], [1], |row, block, R, N| {
            let _ = (R, N);
            let mut sums = [0_i32; 16];
            for at in (0..k).step_by(4) {
                // SAFETY: each row has `k` inputs and each block 16 weights for each of them.
                let (x, w) = unsafe {
                    let w = b.add(block * stride + at * 16);
                    (
                        a.add(row * lda + at).cast::<[u8; 4]>().read_unaligned(),
                        w.cast::<[i8; 64]>().read_unaligned(),
                    )
                };
                for (lane, sum) in sums.iter_mut().enumerate() {
                    for i in 0..4 {
                        *sum += i32::from(x[i]) * i32::from(w[lane * 4 + i]);
                    }
                }
            }
            // SAFETY: `out` has 16 sums for each row and block of a whole tile.
            unsafe {
                let out = out.add((row * Self::BLOCKS + block) * 16);
                out.cast::<[i32; 16]>().write_unaligned(sums);
            }
        });
    }
}
