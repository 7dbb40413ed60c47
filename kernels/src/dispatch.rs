//! The kernels, compiled for each instruction set.

use std::ops::Range;

use super::depthwise::{self, Depthwise};
use super::finish::Target;
use super::linear::Linear;
use super::map::FeatureMap;
use super::matmul;
use super::norm::{self, Norm};
use super::simd::{Dot, ThreadScratch};
use super::stem::{self, Stem};

/// The kernels of one instruction set, behind the token that proves it.
pub(super) trait Kernels: Send + Sync {
    /// [`matmul::linear`].
    ///
    /// # Safety
    /// As there.
    #[allow(clippy::too_many_arguments)]
    unsafe fn linear(
        &self,
        a: *const u8,
        lda: usize,
        rows: usize,
        layer: &Linear,
        blocks: Range<usize>,
        target: Target,
        scratch: ThreadScratch,
    );

    /// [`Dot::scratch_bytes`].
    fn scratch(&self) -> fn(usize) -> usize;

    /// [`depthwise::row`].
    fn depthwise(&self, x: &[f32], map: FeatureMap, y: usize, dw: &Depthwise, out: &mut [f32]);

    /// [`stem::row`].
    fn stem(&self, x: &[f32], height: usize, width: usize, y: usize, stem: &Stem, out: &mut [f32]);

    /// [`norm::floats`].
    fn norm_floats(&self, pixel: &mut [f32], norm: &Norm);

    /// [`norm::bytes`].
    fn norm_bytes(&self, pixel: &[f32], norm: &Norm, out: &mut [u8]);

    /// [`norm::mean`].
    fn mean(&self, x: &[f32], out: &mut [f32]);
}

/// Writes a method of [`Kernels`] that runs with the features of a token.
macro_rules! method {
    (
        $token:ty, [$($features:literal)?],
        $name:ident($($argument:ident: $type:ty),*),
        |$vectors:ident| $body:expr
    ) => {
        fn $name(&self, $($argument: $type),*) {
            /// # Safety
            /// The processor has the features.
            $(#[target_feature(enable = $features)])?
            unsafe fn compiled($vectors: <$token as Dot>::Vectors, $($argument: $type),*) {
                $body
            }
            // SAFETY: the token proves the features.
            unsafe { compiled(self.vectors(), $($argument),*) }
        }
    };
}

/// Compiles the kernels for a token, with target features that the token proves.
macro_rules! compile {
    ($token:ty $(, $features:literal)?) => {
        impl Kernels for $token {
            $(#[target_feature(enable = $features)])?
            unsafe fn linear(
                &self,
                a: *const u8,
                lda: usize,
                rows: usize,
                layer: &Linear,
                blocks: Range<usize>,
                target: Target,
                scratch: ThreadScratch,
            ) {
                // SAFETY: the caller's promises are passed on.
                unsafe { matmul::linear(*self, a, lda, rows, layer, blocks, target, scratch) }
            }

            fn scratch(&self) -> fn(usize) -> usize {
                <$token as Dot>::scratch_bytes
            }

            method!(
                $token, [$($features)?],
                depthwise(x: &[f32], map: FeatureMap, y: usize, dw: &Depthwise, out: &mut [f32]),
                |s| depthwise::row(s, x, map, y, dw, out)
            );

            method!(
                $token, [$($features)?],
                stem(x: &[f32], height: usize, width: usize, y: usize, stem: &Stem, out: &mut [f32]),
                |s| stem::row(s, x, height, width, y, stem, out)
            );

            method!(
                $token, [$($features)?],
                norm_floats(pixel: &mut [f32], norm: &Norm),
                |s| norm::floats(s, pixel, norm)
            );

            method!(
                $token, [$($features)?],
                norm_bytes(pixel: &[f32], norm: &Norm, out: &mut [u8]),
                |s| norm::bytes(s, pixel, norm, out)
            );

            method!(
                $token, [$($features)?],
                mean(x: &[f32], out: &mut [f32]),
                |s| norm::mean(s, x, out)
            );
        }
    };
}

compile!(super::scalar::Scalar);
#[cfg(target_arch = "x86_64")]
compile!(super::sorted::Sorted, "avx2,fma");
#[cfg(target_arch = "x86_64")]
compile!(super::avx2::AvxVnni, "avx2,fma,avxvnni");
#[cfg(target_arch = "x86_64")]
compile!(super::avx512::Avx512Vnni, "avx512f,avx512bw,avx512vnni");
#[cfg(target_arch = "x86_64")]
compile!(super::amx::Amx, "avx512f,avx512bw,avx512vnni");
#[cfg(target_arch = "aarch64")]
compile!(super::smull::Smull, "neon");
#[cfg(target_arch = "aarch64")]
compile!(super::sdot::Sdot, "neon,dotprod");
#[cfg(target_arch = "arm")]
compile!(super::armv7::Vmull);
