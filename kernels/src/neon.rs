//! aarch64: NEON's vectors of 4 floats.

use std::arch::aarch64::*;

use super::simd::{Simd, with_features};

/// NEON, which every aarch64 processor that Rust supports has: anyone may make this token.
#[derive(Clone, Copy)]
pub(super) struct Neon;

// SAFETY: 4 numbers of 32 bits fill 128 bits, 4 bytes are 4 bytes.
unsafe impl Simd for Neon {
    type Floats = float32x4_t;
    type Integers = int32x4_t;
    type Bytes = [u8; 4];
    const LANES: usize = 4;

    with_features! { "neon":
        fn splat(x: f32) -> float32x4_t { vdupq_n_f32(x) }
        fn add(a: float32x4_t, b: float32x4_t) -> float32x4_t { vaddq_f32(a, b) }
        fn sub(a: float32x4_t, b: float32x4_t) -> float32x4_t { vsubq_f32(a, b) }
        fn mul(a: float32x4_t, b: float32x4_t) -> float32x4_t { vmulq_f32(a, b) }
        fn min(a: float32x4_t, b: float32x4_t) -> float32x4_t { vminq_f32(a, b) }
        fn max(a: float32x4_t, b: float32x4_t) -> float32x4_t { vmaxq_f32(a, b) }
        fn fma(a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
            vfmaq_f32(c, a, b)
        }
        fn add_integers(a: int32x4_t, b: int32x4_t) -> int32x4_t { vaddq_s32(a, b) }
        fn to_floats(a: int32x4_t) -> float32x4_t { vcvtq_f32_s32(a) }
        fn to_bytes(v: float32x4_t) -> [u8; 4] {
            let words = vqmovun_s32(vcvtnq_s32_f32(v));
            let bytes = vqmovn_u16(vcombine_u16(words, words));
            vget_lane_u32::<0>(vreinterpret_u32_u8(bytes)).to_le_bytes()
        }
    }
}
