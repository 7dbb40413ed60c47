//! LayerNorm of squares and of means, against the scalar kernels and double precision.

use super::*;

#[test]
fn squares_and_means_are_alike_on_every_kernel() {
    let mut r = Random(13);
    for (height, width) in [(2, 2), (8, 6), (5, 7)] {
        let map = FeatureMap {
            height,
            width,
            channels: 48,
        };
        let x = r.floats(map.floats(), 3.0);
        let (gain, shift) = (r.floats(48, 30.0), r.floats(48, 100.0));
        let norm = Norm {
            gain: &gain,
            shift: &shift,
            channels: 48,
            epsilon: 1e-6,
        };
        let (down, head) = (
            Owned::random(&mut r, 192, 32, false),
            Owned::random(&mut r, 48, 32, false),
        );
        let rows = (height / 2 * (width / 2)).next_multiple_of(16);
        let run = |machine: &mut Machine| {
            let mut squares = vec![0; rows * down.layer().row_bytes()];
            machine.norm_squares(&x, map, &norm, &down.layer(), &mut squares);
            let mut pooled = vec![0; 16 * head.layer().row_bytes()];
            let mut means = [0.0; 48];
            machine.mean(&x, map, &mut means);
            machine.norm_bytes(&means, &norm, &head.layer(), &mut pooled);
            let mut normed = means;
            machine.norm_floats(&mut normed, &norm);
            (squares, pooled, bits(&means), bits(&normed))
        };
        let wanted = run(&mut scalar());
        for mut machine in machines() {
            assert_eq!(run(&mut machine), wanted, "{machine:?}");
        }
        for (c, mean) in wanted.2.iter().enumerate() {
            let of: f64 = x.iter().skip(c).step_by(48).map(|v| f64::from(*v)).sum();
            let right = of / (height * width) as f64;
            assert!((f64::from(f32::from_bits(*mean)) - right).abs() <= 1e-5 * 3.0);
        }
        // A square's four pixels lie in one row, and each is the pixel's own LayerNorm.
        let mean: f32 = x[..48].iter().sum::<f32>() / 48.0;
        let variance: f32 = x[..48].iter().map(|v| (v - mean).powi(2)).sum::<f32>() / 48.0;
        let right = (x[0] - mean) / (variance + 1e-6).sqrt() * gain[0] + shift[0];
        assert!((f32::from(wanted.0[0]) - right.clamp(0.0, 255.0)).abs() <= 0.501);
    }
}
