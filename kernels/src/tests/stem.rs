//! The first convolution, against the scalar kernels and double precision.

use super::*;

#[test]
fn the_stem_is_alike_on_every_kernel_and_right() {
    let mut r = Random(5);
    for (height, width, real) in [(4, 4, 16), (8, 36, 40), (12, 52, 96)] {
        let channels = usize::next_multiple_of(real, 16);
        let x = r.floats(3 * height * width, 2.0);
        let mut some = |n: usize, scale: f32| blank(r.floats(n * channels, scale), channels, real);
        let (weights, bias) = (some(48, 0.3), some(1, 0.5));
        let (gain, shift) = (some(1, 2.0), some(1, 1.0));
        let stem = Stem {
            weights: &weights,
            bias: &bias,
        };
        let norm = Norm {
            gain: &gain,
            shift: &shift,
            channels: real,
            epsilon: 1e-6,
        };
        let pixels = height * width / 16;
        let run = |machine: &mut Machine| {
            let mut out = vec![f32::NAN; pixels * channels];
            machine.stem(&x, height, width, &stem, &norm, &mut out);
            out
        };
        let wanted = run(&mut scalar());
        for mut machine in machines() {
            assert_eq!(bits(&run(&mut machine)), bits(&wanted), "{machine:?}");
        }
        let wide = width / 4;
        for p in 0..pixels {
            let sum = |c: usize| {
                let tap = |t: usize| {
                    let (colour, ky, kx) = (t / 16, t / 4 % 4, t % 4);
                    let at = (colour * height + p / wide * 4 + ky) * width + p % wide * 4 + kx;
                    f64::from(weights[t * channels + c]) * f64::from(x[at])
                };
                f64::from(bias[c]) + (0..48).map(tap).sum::<f64>()
            };
            let conv: Vec<f64> = (0..real).map(sum).collect();
            for (c, normed) in normed(&conv).into_iter().enumerate() {
                let right = normed * f64::from(gain[c]) + f64::from(shift[c]);
                let off = (f64::from(wanted[p * channels + c]) - right).abs();
                assert!(off <= 1e-5 * (1.0 + right.abs()), "{off} {right}");
            }
        }
    }
}
