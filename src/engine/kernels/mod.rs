//! The arithmetic of the int8 engine.
//!
//! Each kernel is written once over the traits in [`simd`] and compiled for each instruction set
//! into a [`Table`] of functions; only the products of bytes are written by hand for each.
//! [`Machine`] is the safe face: it checks all sizes, cuts the work into tasks and runs them on its
//! threads.
//!
//! Activations lie channels last; channels are filled with zeros to a multiple of 16. Sums are
//! exact integers; bytes are rounded half to even. All processors give the same bits.

#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
mod amx;
mod arena;
#[cfg(target_arch = "arm")]
mod armv7;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod choice;
mod depthwise;
mod linear;
mod machine;
mod mlp;
#[cfg(target_arch = "aarch64")]
mod neon;
mod norm;
mod part;
mod pool;
mod scalar;
mod simd;
#[cfg(target_arch = "x86_64")]
mod sorted;
mod stem;
#[cfg(test)]
mod tests;

pub use arena::{Arena, Scratch, Sizes};
pub use choice::{Kernel, OVERRIDE};
pub use depthwise::Depthwise;
pub use linear::{Gelu, Linear};
pub use machine::{Machine, Map};
pub use mlp::Mlp;
pub use norm::Norm;
pub use stem::Stem;

use std::ops::Range;

use linear::Target;
use simd::{Dot, Room};

/// The kernels of one instruction set. What each asks of its caller stands at the function of that
/// name.
struct Table {
    linear: unsafe fn(*const u8, usize, usize, &Linear, Range<usize>, Target, Room),
    room: fn(usize) -> usize,
    depthwise: unsafe fn(*const f32, usize, usize, usize, &Depthwise, *mut f32),
    stem: unsafe fn(*const f32, usize, usize, usize, &Stem, *mut f32),
    norm_floats: unsafe fn(*const f32, &Norm, *mut f32),
    norm_bytes: unsafe fn(*const f32, &Norm, *mut u8),
    mean: unsafe fn(*const f32, usize, usize, *mut f32),
}

/// Compiles the kernels over `$simd` and `$dot` with the given target features.
macro_rules! table {
    ($(#[$cfg:meta])* $name:ident, $simd:ty, $dot:ty, [$(#[$feature:meta])*]) => {
        $(#[$cfg])*
        static $name: Table = {
            $(#[$feature])*
            unsafe fn linear(a: *const u8, lda: usize, rows: usize, l: &Linear, blocks: Range<usize>, t: Target, room: Room) {
                // SAFETY: the caller's, here and below.
                unsafe { linear::linear::<$simd, $dot>(a, lda, rows, l, blocks, t, room) }
            }
            $(#[$feature])*
            unsafe fn depthwise(x: *const f32, h: usize, w: usize, y: usize, d: &Depthwise, out: *mut f32) {
                // SAFETY: as above.
                unsafe { depthwise::row::<$simd>(x, h, w, y, d, out) }
            }
            $(#[$feature])*
            unsafe fn stem(x: *const f32, h: usize, w: usize, y: usize, s: &Stem, out: *mut f32) {
                // SAFETY: as above.
                unsafe { stem::row::<$simd>(x, h, w, y, s, out) }
            }
            $(#[$feature])*
            unsafe fn norm_floats(x: *const f32, n: &Norm, out: *mut f32) {
                // SAFETY: as above.
                unsafe { norm::norm::<$simd, _>(x, n, &norm::Floats(out)) }
            }
            $(#[$feature])*
            unsafe fn norm_bytes(x: *const f32, n: &Norm, out: *mut u8) {
                // SAFETY: as above.
                unsafe { norm::norm::<$simd, _>(x, n, &norm::Bytes(out)) }
            }
            $(#[$feature])*
            unsafe fn mean(x: *const f32, pixels: usize, channels: usize, out: *mut f32) {
                // SAFETY: as above.
                unsafe { norm::mean::<$simd>(x, pixels, channels, out) }
            }
            Table { linear, room: <$dot>::room, depthwise, stem, norm_floats, norm_bytes, mean }
        };
    };
}

table!(SCALAR, scalar::OneByOne<scalar::Scalar>, scalar::Scalar, []);
table!(#[cfg(target_arch = "x86_64")] AVX2, avx2::Avx2, sorted::Sorted, [#[target_feature(enable = "avx2,fma")]]);
table!(
    #[cfg(target_arch = "x86_64")]
    AVX_VNNI,
    avx2::Avx2,
    avx2::AvxVnni,
    [#[target_feature(enable = "avx2,fma,avxvnni")]]
);
table!(
    #[cfg(target_arch = "x86_64")]
    VNNI,
    avx512::Avx512,
    avx512::Vnni,
    [#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]]
);
table!(
    #[cfg(target_arch = "x86_64")]
    AMX,
    avx512::Avx512,
    amx::Amx,
    [#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]]
);
table!(#[cfg(target_arch = "aarch64")] NEON, neon::Neon, neon::Widening, [#[target_feature(enable = "neon")]]);
table!(
    #[cfg(target_arch = "arm")]
    NEON,
    scalar::OneByOne<armv7::Vfp>,
    armv7::Widening,
    []
);
table!(#[cfg(target_arch = "aarch64")] SDOT, neon::Neon, neon::Sdot, [#[target_feature(enable = "neon,dotprod")]]);

impl Kernel {
    /// The kernels' functions, if they exist for this architecture.
    fn table(self) -> Option<&'static Table> {
        match self {
            Self::Scalar => Some(&SCALAR),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => Some(&AVX2),
            #[cfg(target_arch = "x86_64")]
            Self::AvxVnni => Some(&AVX_VNNI),
            #[cfg(target_arch = "x86_64")]
            Self::Vnni => Some(&VNNI),
            #[cfg(target_arch = "x86_64")]
            Self::Amx => Some(&AMX),
            #[cfg(any(target_arch = "aarch64", target_arch = "arm"))]
            Self::Neon => Some(&NEON),
            #[cfg(target_arch = "aarch64")]
            Self::Sdot => Some(&SDOT),
            #[allow(unreachable_patterns)]
            _ => None,
        }
    }
}
