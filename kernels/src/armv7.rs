//! 32-bit ARM: bytes with NEON's widening multiplies, floats one by one with VFPv4's fused
//! multiply-add.
//!
//! NEON's own floats are not IEEE's on these processors (denormals become zero) and would give
//! other bits. Rust's NEON types and intrinsics are not stable here, so whole loops are in
//! assembly.

use std::arch::asm;

use super::scalar::{Maths, OneByOne};
use super::simd::Dot;

/// Proof that the processor has NEON and VFPv4: Cortex-A7, A15 and all later ones.
///
/// Its floats are computed one at a time. None is NaN, so `min` and `max` need not heed it.
#[derive(Clone, Copy)]
pub(super) struct Vfp(());

impl Vfp {
    /// The token, if this processor has the instruction sets.
    pub fn detect() -> Option<Self> {
        // HWCAP_NEON and HWCAP_VFPv4 of Linux's arch/arm/include/uapi/asm/hwcap.h.
        const BOTH: libc::c_ulong = 1 << 12 | 1 << 16;
        // SAFETY: the call reads what the kernel gave this process at its start.
        let features = unsafe { libc::getauxval(libc::AT_HWCAP) };
        (features & BOTH == BOTH).then_some(Self(()))
    }
}

impl Maths for Vfp {
    const PIXELS: usize = 4;

    #[inline(always)]
    fn min(self, a: f32, b: f32) -> f32 {
        if b < a { b } else { a }
    }
    #[inline(always)]
    fn max(self, a: f32, b: f32) -> f32 {
        if b > a { b } else { a }
    }
    /// In assembly, because `mul_add` is a library function of some fifty instructions here.
    #[inline(always)]
    fn fused(self, a: f32, b: f32, c: f32) -> f32 {
        let mut sum = c;
        // SAFETY: `self` proves VFPv4, and the code uses registers only.
        unsafe {
            asm!(
                ".fpu vfpv4",
                "vfma.f32 {sum}, {a}, {b}",
                sum = inout(sreg) sum, a = in(sreg) a, b = in(sreg) b,
                options(pure, nomem, nostack, preserves_flags),
            );
        }
        sum
    }
    #[inline(always)]
    fn byte(self, x: f32) -> u8 {
        // Beyond 2²³ the last bit of a float is worth one, so adding it rounds, half to even.
        const ONES: f32 = (1 << 23) as f32;
        let level = self.min(self.max(0.0, x), 255.0);
        (level + ONES).to_bits() as u8
    }
}

/// NEON's widening multiplies, with VFPv4 for the floats.
#[derive(Clone, Copy)]
pub(super) struct Vmull(Vfp);

impl Vmull {
    /// The token, if this processor has NEON and VFPv4.
    pub fn detect() -> Option<Self> {
        Vfp::detect().map(Self)
    }
}

/// The sums of two rows of `k` inputs, at `a` and `below`, with eight columns, whose weights begin
/// at `b`: eight at `out`, and eight in the row after it.
///
/// Each of q8 to q15 (d16 to d31) has the sums of two columns, each as two halves: those of the
/// first row, then of the second. |x| <= 128 and |w| <= 127, so two products fit 16 bits.
///
/// # Safety
/// The processor has NEON. Both rows have `k` inputs, a multiple of 16 and not 0; `b` has the rest
/// of a block, from these columns on; `out` has room for 8 sums, and 8 more 16 sums further.
#[inline(always)]
unsafe fn two_rows(a: *const u8, below: *const u8, b: *const i8, k: usize, out: *mut i32) {
    /// Four columns: their weights of the first four inputs are in q0, of the second in q1.
    #[rustfmt::skip]
    macro_rules! four {
        ($row0:literal, $row0_more:literal, $row1:literal, $row1_more:literal, $then:literal) => {
            concat!(
                "vld1.8 {{d0, d1}}, [{b}], {fours}\n",
                "vld1.8 {{d2, d3}}, [{b}], {", $then, "}\n",
                "vmull.s8 q4, d0, d4\n",
                "vmull.s8 q5, d1, d4\n",
                "vmlal.s8 q4, d2, d5\n",
                "vmlal.s8 q5, d3, d5\n",
                "vpadal.s16 ", $row0, ", q4\n",
                "vpadal.s16 ", $row0_more, ", q5\n",
                "vmull.s8 q4, d0, d6\n",
                "vmull.s8 q5, d1, d6\n",
                "vmlal.s8 q4, d2, d7\n",
                "vmlal.s8 q5, d3, d7\n",
                "vpadal.s16 ", $row1, ", q4\n",
                "vpadal.s16 ", $row1_more, ", q5\n",
            )
        };
    }
    /// Eight inputs, of which the first row's are in one register and the second row's in the
    /// other.
    #[rustfmt::skip]
    macro_rules! eight {
        ($row0:literal, $row1:literal) => {
            concat!(
                "vdup.32 d4, ", $row0, "[0]\n",
                "vdup.32 d5, ", $row0, "[1]\n",
                "vdup.32 d6, ", $row1, "[0]\n",
                "vdup.32 d7, ", $row1, "[1]\n",
                four!("q8", "q9", "q12", "q13", "back"),
                four!("q10", "q11", "q14", "q15", "on"),
            )
        };
    }
    // SAFETY: the caller's promises; of the 256 weights for each 16 inputs a call reads the half of
    // its columns.
    unsafe {
        asm!(
            ".fpu neon",
            "vmov.i8 q8, #0", "vmov.i8 q9, #0", "vmov.i8 q10, #0", "vmov.i8 q11, #0",
            "vmov.i8 q12, #0", "vmov.i8 q13, #0", "vmov.i8 q14, #0", "vmov.i8 q15, #0",
            "2:",
            "vld1.8 {{d12, d13}}, [{a}]!",
            "vld1.8 {{d14, d15}}, [{below}]!",
            "vmov.i8 q4, #0x80",
            "veor q6, q6, q4",
            "veor q7, q7, q4",
            eight!("d12", "d14"),
            eight!("d13", "d15"),
            "subs {k}, {k}, #16",
            "bne 2b",
            "vpadd.i32 d0, d16, d17",
            "vpadd.i32 d1, d18, d19",
            "vpadd.i32 d2, d20, d21",
            "vpadd.i32 d3, d22, d23",
            "vpadd.i32 d4, d24, d25",
            "vpadd.i32 d5, d26, d27",
            "vpadd.i32 d6, d28, d29",
            "vpadd.i32 d7, d30, d31",
            "vst1.32 {{d0, d1, d2, d3}}, [{out}], {fours}",
            "vst1.32 {{d4, d5, d6, d7}}, [{out}]",
            a = inout(reg) a => _, below = inout(reg) below => _, b = inout(reg) b => _, k = inout(reg) k => _,
            out = inout(reg) out => _,
            // From the weights of four inputs to those of the next, back to four more columns of
            // the first, and on.
            fours = in(reg) 64, back = in(reg) -48, on = in(reg) 48,
            // By these names: as q0 to q15 they are mistaken for registers that the target lacks,
            // and not saved.
            out("d0") _, out("d1") _, out("d2") _, out("d3") _, out("d4") _, out("d5") _, out("d6") _, out("d7") _,
            out("d8") _, out("d9") _, out("d10") _, out("d11") _, out("d12") _, out("d13") _, out("d14") _, out("d15") _,
            out("d16") _, out("d17") _, out("d18") _, out("d19") _, out("d20") _, out("d21") _, out("d22") _, out("d23") _,
            out("d24") _, out("d25") _, out("d26") _, out("d27") _, out("d28") _, out("d29") _, out("d30") _, out("d31") _,
            options(nostack),
        );
    }
}

impl Dot for Vmull {
    type Vectors = OneByOne<Vfp>;
    const ROWS: usize = 8;
    const BLOCKS: usize = 1;

    fn shift(_: u8) -> i32 {
        128
    }

    #[inline(always)]
    fn vectors(self) -> OneByOne<Vfp> {
        OneByOne(self.0)
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
        let _ = (stride, blocks);
        for row in (0..rows).step_by(2) {
            // SAFETY: `self` proves NEON; the rows and columns lie within the caller's tile. A last
            // row alone is taken twice, and its second sums go where nobody reads them.
            unsafe {
                let first = a.add(row * lda);
                for half in 0..2 {
                    let (b, out) = (b.add(half * 32), out.add(row * 16 + half * 8));
                    if row + 1 < rows {
                        two_rows(first, first.add(lda), b, k, out);
                    } else {
                        let mut sums = [0; 24];
                        two_rows(first, first, b, k, sums.as_mut_ptr());
                        out.copy_from_nonoverlapping(sums.as_ptr(), 8);
                    }
                }
            }
        }
    }
}
