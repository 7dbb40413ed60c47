//! The kernels, compiled for each instruction set.

use std::ops::Range;

use super::depthwise::{self, Depthwise};
use super::finish::Target;
use super::linear::Linear;
use super::matmul;
use super::norm::{self, ByteSink, FloatSink, Norm};
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
    fn scratch_bytes(&self, inputs: usize) -> usize;

    /// [`depthwise::row`].
    ///
    /// # Safety
    /// As there.
    unsafe fn depthwise(
        &self,
        x: *const f32,
        height: usize,
        width: usize,
        y: usize,
        dw: &Depthwise,
        out: *mut f32,
    );

    /// [`stem::row`].
    ///
    /// # Safety
    /// As there.
    unsafe fn stem(
        &self,
        x: *const f32,
        height: usize,
        width: usize,
        y: usize,
        stem: &Stem,
        out: *mut f32,
    );

    /// [`norm::norm`] into floats.
    ///
    /// # Safety
    /// As there.
    unsafe fn norm_floats(&self, x: *const f32, norm: &Norm, out: *mut f32);

    /// [`norm::norm`] into bytes.
    ///
    /// # Safety
    /// As there.
    unsafe fn norm_bytes(&self, x: *const f32, norm: &Norm, out: *mut u8);

    /// [`norm::mean`].
    ///
    /// # Safety
    /// As there.
    unsafe fn mean(&self, x: *const f32, pixels: usize, channels: usize, out: *mut f32);
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
                // SAFETY: the caller's promises are passed on, here and below.
                unsafe { matmul::linear(*self, a, lda, rows, layer, blocks, target, scratch) }
            }
            fn scratch_bytes(&self, inputs: usize) -> usize {
                <$token as Dot>::scratch_bytes(inputs)
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn depthwise(
                &self,
                x: *const f32,
                height: usize,
                width: usize,
                y: usize,
                dw: &Depthwise,
                out: *mut f32,
            ) {
                // SAFETY: as above.
                unsafe { depthwise::row(self.vectors(), x, height, width, y, dw, out) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn stem(
                &self,
                x: *const f32,
                height: usize,
                width: usize,
                y: usize,
                stem: &Stem,
                out: *mut f32,
            ) {
                // SAFETY: as above.
                unsafe { stem::row(self.vectors(), x, height, width, y, stem, out) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn norm_floats(&self, x: *const f32, norm: &Norm, out: *mut f32) {
                // SAFETY: as above.
                unsafe { norm::norm(self.vectors(), x, norm, &FloatSink(out)) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn norm_bytes(&self, x: *const f32, norm: &Norm, out: *mut u8) {
                // SAFETY: as above.
                unsafe { norm::norm(self.vectors(), x, norm, &ByteSink(out)) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn mean(&self, x: *const f32, pixels: usize, channels: usize, out: *mut f32) {
                // SAFETY: as above.
                unsafe { norm::mean(self.vectors(), x, pixels, channels, out) }
            }
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
