//! GELU, as a polynomial.

/// `x * Phi(x)` for the normal distribution's `Phi`, scaled and rounded to bytes.
///
/// `Phi(x) = 1/2 + c P(c^2)` with `c` = x clamped to ±4.25 and P of degree 8, fitted so that the
/// greatest error of `x * Phi(x)` within ±4.25 is least: 1.6e-5, and 6e-5 with rounding.
#[derive(Clone, Copy, Debug)]
pub struct Gelu {
    /// Half, over the scale.
    pub(super) half: f32,
    /// Coefficients from the lowest, over the scale.
    pub(super) polynomial: [f32; 9],
    pub(super) zero_point: f32,
}

impl Gelu {
    pub(super) const LIMIT: f32 = 4.25;
    #[allow(clippy::excessive_precision)]
    const POLYNOMIAL: [f32; 9] = [
        0.398_819_208_145_141_6,
        -0.066_190_280_020_236_97,
        0.009_718_780_405_819_416,
        -0.001_079_078_414_477_408,
        8.848_920_697_346_33e-5,
        -5.147_520_369_064_296e-6,
        1.986_162_487_810_361_2e-7,
        -4.515_314_344_644_139e-9,
        4.547_086_318_584_803e-11,
    ];

    /// GELU into bytes of the given scale and zero point.
    pub fn new(scale: f32, zero_point: u8) -> Self {
        let inverse = 1.0 / scale;
        Self {
            half: 0.5 * inverse,
            polynomial: Self::POLYNOMIAL.map(|c| c * inverse),
            zero_point: f32::from(zero_point),
        }
    }
}
