//! MLPs, against the scalar kernels and double precision.

use super::*;

/// `x * Phi(x)` by the error function's series and continued fraction, in double precision.
fn gelu(x: f64) -> f64 {
    let z = x.abs() / std::f64::consts::SQRT_2;
    let erfc = if z < 3.0 {
        let (mut term, mut sum) = (z, z);
        for n in 1..80 {
            term *= -z * z / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        1.0 - sum * std::f64::consts::FRAC_2_SQRT_PI
    } else {
        let mut f = 0.0;
        for n in (1..60).rev() {
            f = f64::from(n) / 2.0 / (z + f);
        }
        (-z * z).exp() / (z + f) / std::f64::consts::PI.sqrt()
    };
    x * if x < 0.0 {
        erfc / 2.0
    } else {
        1.0 - erfc / 2.0
    }
}

/// Two random layers, the input of the first and the floats that the result is added to.
struct Sample {
    rows: usize,
    first: Owned,
    second: Owned,
    a: Vec<u8>,
    x: Vec<f32>,
}

impl Sample {
    fn random(r: &mut Random, rows: usize, k: usize, n: usize, extreme: bool) -> Self {
        let first = Owned::random(r, k, n, extreme);
        let second = Owned::random(r, n, k, extreme);
        let a = first.input(r, rows, false);
        let x = r.floats(rows * second.layer().columns(), 2.0);
        Self {
            rows,
            first,
            second,
            a,
            x,
        }
    }

    /// The bits of the result on `machine`; and on one thread, the requantised bytes of the last
    /// tile of rows.
    fn run(&self, machine: &mut Machine, scale: f32, zero: u8) -> (Vec<u32>, Vec<u8>) {
        let (first, second) = (self.first.layer(), self.second.layer());
        let mut arena = Arena::new(Sizes {
            rows: 0,
            activations: self.a.len(),
            hidden: machine
                .sizing()
                .hidden_bytes(first.shape(), second.shape(), self.rows),
            prepared: machine
                .sizing()
                .prepared_bytes(first.shape())
                .max(machine.sizing().prepared_bytes(second.shape())),
        });
        let mut scratch = arena.scratch();
        scratch.activations.copy_from_slice(&self.a);
        let mlp = Mlp {
            first,
            gelu: Gelu::new(scale, zero),
            second,
        };
        let mut out = self.x.clone();
        machine.mlp(self.rows, &mlp, &mut scratch, &mut out);
        let hidden = if machine.threads() == 1 {
            scratch.hidden.to_vec()
        } else {
            Vec::new()
        };
        (bits(&out), hidden)
    }

    /// Compares the first row of `found` with double precision. Bytes of the hidden layer may
    /// differ by one where rounding is close.
    fn check_first_row(&self, found: &[f32], scale: f32, zero: u8) {
        let (one, two) = (self.first.layer(), self.second.layer());
        let hidden: Vec<f64> = (0..one.columns())
            .map(|c| {
                let h = self.first.sum(&self.a, 0, c) as f64 * f64::from(one.scales[c])
                    + f64::from(one.biases[c]);
                let level = gelu(h) / f64::from(scale) + f64::from(zero);
                level.round_ties_even().clamp(0.0, 255.0)
            })
            .collect();
        let n = two.inputs;
        for (c, found) in found.iter().enumerate().take(two.columns()) {
            let column = |k| f64::from(two.weights[Linear::place(two.row_bytes(), k, c)]);
            let sum: f64 = (0..n)
                .map(|k| (hidden[k] - f64::from(two.zero_point)) * column(k))
                .sum();
            let right =
                f64::from(self.x[c]) + sum * f64::from(two.scales[c]) + f64::from(two.biases[c]);
            let off_by_one = 0.02 * n as f64 * 127.0 * f64::from(two.scales[c].abs());
            let off = (f64::from(*found) - right).abs();
            assert!(off <= 1e-4 + off_by_one, "{found} {right}");
        }
    }
}

#[test]
fn the_mlp_is_alike_on_every_kernel_and_right() {
    let mut r = Random(11);
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for extreme in [false, true] {
        for (rows, k, n) in [
            (1, 48, 64),
            (16, 160, 640),
            (40, 96, 384),
            (64, 384, 1536),
            (300, 96, 384),
        ] {
            let sample = Sample::random(&mut r, rows, k, n, extreme);
            // A calibrated output; one whose bytes are all clamped; one whose bytes are all zero
            // points.
            for (scale, zero) in [(0.02, 9), (1e-6, 0), (1e6, 255)] {
                let wanted = sample.run(&mut scalar(), scale, zero);
                for mut machine in machines() {
                    let found = sample.run(&mut machine, scale, zero);
                    assert_eq!(found.0, wanted.0, "{machine:?} {rows}x{k}x{n} {scale}");
                    if machine.threads() == 1 {
                        assert_eq!(found.1, wanted.1, "{machine:?} {rows}x{k}x{n} {scale}");
                    }
                }
                if zero != 9 {
                    continue;
                }
                hash = wanted.0.iter().fold(hash, |h, b| {
                    (h ^ u64::from(*b)).wrapping_mul(0x100_0000_01b3)
                });
                if !extreme {
                    let found: Vec<f32> = wanted.0.iter().map(|b| f32::from_bits(*b)).collect();
                    sample.check_first_row(&found, scale, zero);
                }
            }
        }
    }
    // Every architecture gives these bits.
    assert_eq!(format!("{hash:016x}"), "03d6a595182b3373");
}
