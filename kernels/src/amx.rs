//! AMX: 16 rows by 16 columns by 64 inputs in one instruction.
//!
//! A block of weights is, 64 inputs at a time, a tile as the instruction wants it.

use std::arch::asm;
use std::sync::OnceLock;

use super::avx512::{Avx512, Avx512Vnni};
use super::simd::Dot;

/// Proof that the processor has AMX for bytes beside AVX-512 VNNI, and that the system lets this
/// process use it.
#[derive(Clone, Copy)]
pub(super) struct Amx(Avx512Vnni);

impl Amx {
    /// The token, if this processor has the instruction sets and the system grants AMX.
    pub fn detect() -> Option<Self> {
        Avx512Vnni::detect().filter(|_| granted()).map(Self)
    }
}

/// The 64 bytes that `ldtilecfg` reads.
#[repr(C, align(64))]
struct Config {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    columns: [u16; 16],
    rows: [u8; 16],
}

/// Eight tiles of 16 rows of 64 bytes.
static CONFIG: Config = Config {
    palette: 1,
    start_row: 0,
    reserved: [0; 14],
    columns: [64, 64, 64, 64, 64, 64, 64, 64, 0, 0, 0, 0, 0, 0, 0, 0],
    rows: [16, 16, 16, 16, 16, 16, 16, 16, 0, 0, 0, 0, 0, 0, 0, 0],
};

/// Whether the processor has AMX and the system lets this process use it. Asked once, because the
/// grant enlarges the state that the system saves for each thread.
fn granted() -> bool {
    const REQUEST: libc::c_long = 0x1023; // ARCH_REQ_XCOMP_PERM
    const TILE_DATA: libc::c_long = 18; // XFEATURE_XTILEDATA
    static GRANTED: OnceLock<bool> = OnceLock::new();
    *GRANTED.get_or_init(|| {
        let leaf = std::arch::x86_64::__cpuid_count(7, 0);
        let (tile, int8) = (leaf.edx & 1 << 24 != 0, leaf.edx & 1 << 25 != 0);
        // SAFETY: the call takes numbers only and reports failure by its result.
        tile && int8 && unsafe { libc::syscall(libc::SYS_arch_prctl, REQUEST, TILE_DATA) } == 0
    })
}

/// The sums of 16 rows at `a0` and 16 at `a1` with the blocks at `b0` and `b1`, over `steps` times
/// 64 inputs, at `out`, in 32 rows of 32.
///
/// # Safety
/// The processor has AMX, configured by [`CONFIG`]. Rows are `lda` bytes apart and have the inputs,
/// blocks have their weights, and `steps` is not 0.
#[inline(always)]
unsafe fn four_tiles(
    a0: *const u8,
    a1: *const u8,
    lda: usize,
    b0: *const i8,
    b1: *const i8,
    steps: usize,
    out: *mut i32,
) {
    // SAFETY: the caller's promises.
    unsafe {
        asm!(
            "tilezero tmm0", "tilezero tmm1", "tilezero tmm2", "tilezero tmm3",
            "2:",
            "tileloadd tmm4, [{a0} + {lda}]",
            "tileloadd tmm6, [{b0} + {sixty_four}]",
            "tileloadd tmm7, [{b1} + {sixty_four}]",
            "tileloadd tmm5, [{a1} + {lda}]",
            "tdpbusd tmm0, tmm4, tmm6",
            "tdpbusd tmm1, tmm4, tmm7",
            "tdpbusd tmm2, tmm5, tmm6",
            "tdpbusd tmm3, tmm5, tmm7",
            "add {a0}, 64", "add {a1}, 64", "add {b0}, 1024", "add {b1}, 1024",
            "dec {steps}",
            "jnz 2b",
            "tilestored [{out} + {pitch}], tmm0",
            "tilestored [{out} + {pitch} + 64], tmm1",
            "add {out}, 2048",
            "tilestored [{out} + {pitch}], tmm2",
            "tilestored [{out} + {pitch} + 64], tmm3",
            a0 = inout(reg) a0 => _, a1 = inout(reg) a1 => _,
            b0 = inout(reg) b0 => _, b1 = inout(reg) b1 => _,
            out = inout(reg) out => _, steps = inout(reg) steps => _,
            lda = in(reg) lda, sixty_four = in(reg) 64_usize, pitch = in(reg) 128_usize,
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        );
    }
}

/// The sums of 16 rows at `a0` only, in 16 rows of 32.
///
/// # Safety
/// As for [`four_tiles`].
#[inline(always)]
unsafe fn two_tiles(
    a0: *const u8,
    lda: usize,
    b0: *const i8,
    b1: *const i8,
    steps: usize,
    out: *mut i32,
) {
    // SAFETY: the caller's promises.
    unsafe {
        asm!(
            "tilezero tmm0", "tilezero tmm1",
            "2:",
            "tileloadd tmm4, [{a0} + {lda}]",
            "tileloadd tmm6, [{b0} + {sixty_four}]",
            "tileloadd tmm7, [{b1} + {sixty_four}]",
            "tdpbusd tmm0, tmm4, tmm6",
            "tdpbusd tmm1, tmm4, tmm7",
            "add {a0}, 64", "add {b0}, 1024", "add {b1}, 1024",
            "dec {steps}",
            "jnz 2b",
            "tilestored [{out} + {pitch}], tmm0",
            "tilestored [{out} + {pitch} + 64], tmm1",
            a0 = inout(reg) a0 => _,
            b0 = inout(reg) b0 => _, b1 = inout(reg) b1 => _,
            steps = inout(reg) steps => _,
            lda = in(reg) lda, sixty_four = in(reg) 64_usize, pitch = in(reg) 128_usize, out = in(reg) out,
            out("tmm0") _, out("tmm1") _, out("tmm4") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        );
    }
}

impl Dot for Amx {
    type Vectors = Avx512;
    const ROWS: usize = 32;
    const BLOCKS: usize = 2;

    #[inline(always)]
    fn vectors(self) -> Avx512 {
        self.0.vectors()
    }

    /// Tile registers are the thread's own until [`Dot::end`]: compiled code never touches them.
    #[inline(always)]
    fn begin(self) {
        // SAFETY: `self` proves AMX, and palette 1 allows the configuration.
        unsafe {
            asm!("ldtilecfg [{}]", in(reg) &raw const CONFIG, options(nostack, preserves_flags))
        }
    }

    #[inline(always)]
    fn end(self) {
        // SAFETY: `self` proves AMX, and no tile is in use after the products.
        unsafe { asm!("tilerelease", options(nostack, preserves_flags)) }
    }

    /// Reads whole tiles: rows to the next multiple of 16, inputs to the next multiple of 64.
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
        let steps = k.div_ceil(64);
        // A half that is not wanted is computed from the first one's memory and never read.
        // SAFETY: `self` proves AMX, and the thread is configured since `begin`. Rows can be read
        // to the next multiple of 16, blocks are filled to 64 inputs, `out` has 32 rows of 32 sums.
        unsafe {
            let b1 = if blocks > 1 { b.add(stride) } else { b };
            if rows > 16 {
                four_tiles(a, a.add(16 * lda), lda, b, b1, steps, out);
            } else {
                two_tiles(a, lda, b, b1, steps, out);
            }
        }
    }
}
