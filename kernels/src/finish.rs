//! The last step of a linear layer: its floats are stored, added, or go through GELU.

use super::gelu::Gelu;
use super::simd::Simd;

/// The memory that results go to: rows `pitch` elements apart, columns as in the layer.
#[derive(Clone, Copy)]
pub(super) enum Target {
    Store {
        out: *mut f32,
        pitch: usize,
    },
    Add {
        out: *mut f32,
        pitch: usize,
    },
    Gelu {
        out: *mut u8,
        pitch: usize,
        gelu: Gelu,
    },
}

/// The last step on the floats of a layer.
pub(super) trait Finish<S: Simd>: Copy {
    /// # Safety
    /// `at` lies within the target and leaves room for `S::LANES` elements.
    unsafe fn put(&self, s: S, v: S::Floats, row: usize, column: usize);
}

/// Floats are stored.
#[derive(Clone, Copy)]
pub(super) struct Store(pub *mut f32, pub usize);

impl<S: Simd> Finish<S> for Store {
    #[inline(always)]
    unsafe fn put(&self, s: S, v: S::Floats, row: usize, column: usize) {
        // SAFETY: the caller promises the room.
        unsafe { s.store(self.0.add(row * self.1 + column), v) }
    }
}

/// Floats are added to those that stand there.
#[derive(Clone, Copy)]
pub(super) struct Add(pub *mut f32, pub usize);

impl<S: Simd> Finish<S> for Add {
    #[inline(always)]
    unsafe fn put(&self, s: S, v: S::Floats, row: usize, column: usize) {
        // SAFETY: the caller promises the place, and that floats stand there.
        unsafe {
            let at = self.0.add(row * self.1 + column);
            s.store(at, s.add(s.load(at), v));
        }
    }
}

/// Floats go through GELU and are rounded to bytes. Its constants are repeated over vectors.
#[derive(Clone, Copy)]
pub(super) struct GeluBytes<S: Simd> {
    out: *mut u8,
    pitch: usize,
    half: S::Floats,
    polynomial: [S::Floats; 9],
    zero_point: S::Floats,
    limit: S::Floats,
    minus_limit: S::Floats,
}

impl<S: Simd> Finish<S> for GeluBytes<S> {
    #[inline(always)]
    unsafe fn put(&self, s: S, v: S::Floats, row: usize, column: usize) {
        let c = s.max(s.min(v, self.limit), self.minus_limit);
        let square = s.mul(c, c);
        let mut p = self.polynomial[8];
        for i in (0..8).rev() {
            p = s.fma(p, square, self.polynomial[i]);
        }
        let scaled = s.fma(v, s.fma(c, p, self.half), self.zero_point);
        // SAFETY: the caller promises the room.
        unsafe { s.store_bytes(self.out.add(row * self.pitch + column), scaled) }
    }
}

impl<S: Simd> GeluBytes<S> {
    /// `gelu` into rows of `out` that are `pitch` bytes apart.
    #[inline(always)]
    pub fn new(s: S, gelu: &Gelu, out: *mut u8, pitch: usize) -> Self {
        let p = gelu.polynomial;
        Self {
            out,
            pitch,
            half: s.splat(gelu.half),
            // Not by `map`, whose closure might not be inlined where the features are enabled.
            polynomial: [
                s.splat(p[0]),
                s.splat(p[1]),
                s.splat(p[2]),
                s.splat(p[3]),
                s.splat(p[4]),
                s.splat(p[5]),
                s.splat(p[6]),
                s.splat(p[7]),
                s.splat(p[8]),
            ],
            zero_point: s.splat(gelu.zero_point),
            limit: s.splat(Gelu::LIMIT),
            minus_limit: s.splat(-Gelu::LIMIT),
        }
    }
}
