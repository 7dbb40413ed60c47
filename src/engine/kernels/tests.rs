//! Each kernel that runs here against plain arithmetic and against the scalar kernels, bit for bit.

use super::arena::{Arena, Sizes};
use super::*;

/// Small and repeatable; its quality does not matter here.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 11
    }
    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
    fn float(&mut self, scale: f32) -> f32 {
        scale * ((self.next() % 20001) as f32 / 10000.0 - 1.0)
    }
    fn floats(&mut self, n: usize, scale: f32) -> Vec<f32> {
        (0..n).map(|_| self.float(scale)).collect()
    }
}

/// A layer's own memory. `real` inputs and columns have weights, the rest is filled.
struct Owned {
    inputs: usize,
    weights: Vec<i8>,
    sums: Vec<i32>,
    scales: Vec<f32>,
    biases: Vec<f32>,
    zero_point: u8,
}

impl Owned {
    fn random(r: &mut Random, k: usize, n: usize, extreme: bool) -> Self {
        let (inputs, columns) = (k.next_multiple_of(16), n.next_multiple_of(16));
        let row_bytes = inputs.next_multiple_of(64);
        let mut it = Self {
            inputs,
            weights: vec![0; row_bytes * columns],
            sums: vec![0; columns],
            scales: vec![0.0; columns],
            biases: vec![0.0; columns],
            zero_point: if extreme {
                255 * r.below(2) as u8
            } else {
                r.below(256) as u8
            },
        };
        for column in 0..n {
            for at in 0..k {
                let w = if extreme {
                    127 - 254 * (column % 2) as i32
                } else {
                    r.below(255) as i32 - 127
                };
                it.weights[Linear::place(row_bytes, at, column)] = w as i8;
                it.sums[column] += w;
            }
            it.scales[column] = if extreme {
                [1e-9, 30.0][r.below(2)]
            } else {
                r.float(0.0005)
            };
            it.biases[column] = r.float(1.0);
        }
        it
    }
    fn layer(&self) -> Linear<'_> {
        Linear {
            inputs: self.inputs,
            weights: &self.weights,
            sums: &self.sums,
            scales: &self.scales,
            biases: &self.biases,
            zero_point: self.zero_point,
        }
    }
    /// The sum of one row and one column with the zero point taken off, in wide integers.
    fn sum(&self, a: &[u8], row: usize, column: usize) -> i64 {
        let bytes = self.layer().row_bytes();
        (0..self.inputs)
            .map(|k| {
                let w = i64::from(self.weights[Linear::place(bytes, k, column)]);
                (i64::from(a[row * bytes + k]) - i64::from(self.zero_point)) * w
            })
            .sum()
    }
    fn input(&self, r: &mut Random, rows: usize, extreme: bool) -> Vec<u8> {
        let bytes = rows.next_multiple_of(16) * self.layer().row_bytes();
        (0..bytes)
            .map(|_| if extreme { 255 } else { r.below(256) as u8 })
            .collect()
    }
}

fn machines() -> Vec<Machine> {
    let kernels = KernelSet::available()
        .flat_map(|k| [1, 3].map(|threads| Machine::new(k, threads).unwrap()));
    kernels.collect()
}

fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

const SHAPES: [(usize, usize, usize); 11] = [
    (1, 16, 16),
    (1, 768, 210),
    (2, 100, 33),
    (7, 48, 96),
    (9, 160, 40),
    (16, 64, 112),
    (17, 96, 48),
    (31, 128, 16),
    (33, 80, 64),
    (50, 384, 96),
    (70, 112, 272),
];

#[test]
fn sums_are_exact_on_every_kernel() {
    let mut r = Random(7);
    for extreme in [false, true] {
        for (rows, k, n) in SHAPES {
            let owned = Owned::random(&mut r, k, n, extreme);
            let layer = owned.layer();
            let a = owned.input(&mut r, rows, extreme);
            let columns = layer.columns();
            let wanted: Vec<f32> = (0..rows * columns)
                .map(|i| {
                    let sum = i32::try_from(owned.sum(&a, i / columns, i % columns)).unwrap();
                    (sum as f32).mul_add(layer.scales[i % columns], layer.biases[i % columns])
                })
                .collect();
            for mut machine in machines() {
                let mut out = vec![f32::NAN; rows * columns];
                let mut prepared = vec![0; machine.prepared_bytes(&layer)];
                machine.linear(&a, rows, &layer, &mut prepared, &mut out);
                assert_eq!(bits(&out), bits(&wanted), "{machine:?} {rows}x{k}x{n}");
            }
        }
    }
}

#[test]
fn accumulators_are_the_very_integers_on_every_kernel() {
    // Up to 384 inputs a sum is below 2^24, so that a float of scale 1 shows each of its bits.
    let mut r = Random(17);
    for (rows, k, n) in SHAPES.into_iter().filter(|(_, k, _)| *k <= 384) {
        for zero_point in [0, 1, 64, 128, 191, 254, 255] {
            let mut owned = Owned::random(&mut r, k, n, false);
            owned.zero_point = zero_point;
            owned.scales.fill(1.0);
            owned.biases.fill(0.0);
            let a = owned.input(&mut r, rows, false);
            check_sums(&owned, &a, rows);
        }
    }
}

#[test]
fn sums_are_exact_where_products_nearly_leave_sixteen_bits() {
    // Heaviest weights, and activations as far above an offset as one, two or no products of bytes
    // fit.
    let (rows, k, n) = (5_usize, 144, 32);
    let mut r = Random(19);
    for zero_point in [0, 9, 64, 128, 190, 255_u8] {
        let offset = zero_point.saturating_sub(64).min(126);
        for level in [1, 63, 64, 65, 127, 128, 129, 130, 255] {
            let mut owned = Owned::random(&mut r, k, n, true);
            owned.zero_point = zero_point;
            owned.scales.fill(1.0);
            owned.biases.fill(0.0);
            let high = offset.saturating_add(level);
            let low = if level == 255 {
                offset.wrapping_sub(1)
            } else {
                offset
            };
            let rows_to = rows.next_multiple_of(16) * owned.layer().row_bytes();
            for one_in in [1, 2, 40] {
                let a: Vec<u8> = (0..rows_to)
                    .map(|_| if r.below(one_in) == 0 { high } else { low })
                    .collect();
                check_sums(&owned, &a, rows);
            }
        }
    }
}

/// Every kernel's result of scale 1 against plain integers.
fn check_sums(owned: &Owned, a: &[u8], rows: usize) {
    let layer = owned.layer();
    let columns = layer.columns();
    let wanted: Vec<i64> = (0..rows * columns)
        .map(|i| owned.sum(a, i / columns, i % columns))
        .collect();
    for mut machine in machines() {
        let mut out = vec![f32::NAN; rows * columns];
        let mut prepared = vec![0; machine.prepared_bytes(&layer)];
        machine.linear(a, rows, &layer, &mut prepared, &mut out);
        let found: Vec<i64> = out.iter().map(|v| *v as i64).collect();
        assert_eq!(found, wanted, "{machine:?} {}", owned.zero_point);
    }
}

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
            let first = Owned::random(&mut r, k, n, extreme);
            let second = Owned::random(&mut r, n, k, extreme);
            let (one, two) = (first.layer(), second.layer());
            let (scale, zero) = (0.02, 9);
            let a = first.input(&mut r, rows, false);
            let x = r.floats(rows * two.columns(), 2.0);
            let run = |machine: &mut Machine, scale: f32, zero: u8| {
                let mut out = x.clone();
                let hidden = machine.hidden_bytes(&one, &two, rows);
                let mut arena = Arena::new(Sizes {
                    rows: 0,
                    activations: a.len(),
                    hidden,
                    prepared: machine
                        .prepared_bytes(&one)
                        .max(machine.prepared_bytes(&two)),
                });
                let mut scratch = arena.scratch();
                scratch.activations.copy_from_slice(&a);
                let mlp = Mlp {
                    first: one,
                    gelu: Gelu::new(scale, zero),
                    second: two,
                };
                machine.mlp(rows, &mlp, &mut scratch, &mut out);
                // On one thread, the requantised bytes of the last tile of rows.
                let bytes = if machine.threads() == 1 {
                    scratch.hidden.to_vec()
                } else {
                    Vec::new()
                };
                (bits(&out), bytes)
            };
            let mut wanted = Vec::new();
            // As calibration gives them; all of them cut off; all of them the zero point.
            for (scale, zero) in [(scale, zero), (1e-6, 0), (1e6, 255)] {
                let (sums, bytes) = run(
                    &mut Machine::new(KernelSet::Scalar, 1).unwrap(),
                    scale,
                    zero,
                );
                for mut machine in machines() {
                    let found = run(&mut machine, scale, zero);
                    assert_eq!(found.0, sums, "{machine:?} {rows}x{k}x{n} {scale}");
                    if machine.threads() == 1 {
                        assert_eq!(found.1, bytes, "{machine:?} {rows}x{k}x{n} {scale}");
                    }
                }
                if wanted.is_empty() {
                    wanted = sums.iter().map(|b| f32::from_bits(*b)).collect();
                }
            }
            hash = bits(&wanted).iter().fold(hash, |h, b| {
                (h ^ u64::from(*b)).wrapping_mul(0x100_0000_01b3)
            });
            if extreme {
                continue;
            }
            // The first row in double precision: bytes of the hidden layer may differ by one where
            // rounding is close.
            let hidden: Vec<f64> = (0..one.columns())
                .map(|c| {
                    let h = first.sum(&a, 0, c) as f64 * f64::from(one.scales[c])
                        + f64::from(one.biases[c]);
                    (gelu(h) / f64::from(scale) + f64::from(zero))
                        .round_ties_even()
                        .clamp(0.0, 255.0)
                })
                .collect();
            for c in 0..two.columns() {
                let column = |k| f64::from(two.weights[Linear::place(two.row_bytes(), k, c)]);
                let sum: f64 = (0..n)
                    .map(|k| (hidden[k] - f64::from(two.zero_point)) * column(k))
                    .sum();
                let right =
                    f64::from(x[c]) + sum * f64::from(two.scales[c]) + f64::from(two.biases[c]);
                let off_by_one = 0.02 * n as f64 * 127.0 * f64::from(two.scales[c].abs());
                assert!(
                    (f64::from(wanted[c]) - right).abs() <= 1e-4 + off_by_one,
                    "{} {right}",
                    wanted[c]
                );
            }
        }
    }
    // Every architecture gives these bits.
    assert_eq!(format!("{hash:016x}"), "03d6a595182b3373");
}

#[test]
fn depthwise_and_norm_are_alike_on_every_kernel_and_right() {
    let mut r = Random(3);
    for (height, width, real) in [
        (1, 1, 16),
        (3, 5, 40),
        (4, 4, 64),
        (8, 9, 16),
        (16, 13, 33),
        (7, 32, 96),
    ] {
        let channels = usize::next_multiple_of(real, 16);
        let map = FeatureMap {
            height,
            width,
            channels,
        };
        let fill = |mut v: Vec<f32>| {
            v.iter_mut()
                .enumerate()
                .filter(|(i, _)| i % channels >= real)
                .for_each(|(_, v)| *v = 0.0);
            v
        };
        let x = fill(r.floats(map.floats(), 3.0));
        let (weights, bias) = (
            fill(r.floats(49 * channels, 0.3)),
            fill(r.floats(channels, 0.5)),
        );
        let (gain, shift) = (
            fill(r.floats(channels, 30.0)),
            fill(r.floats(channels, 100.0)),
        );
        let dw = Depthwise {
            weights: &weights,
            bias: &bias,
        };
        let norm = Norm {
            gain: &gain,
            shift: &shift,
            channels: real,
            epsilon: 1e-6,
        };
        let owned = Owned::random(&mut r, channels, 16, false);
        let layer = owned.layer();
        let bytes = map.pixels().next_multiple_of(16) * layer.row_bytes();
        let run = |machine: &mut Machine| {
            let rows = machine.depthwise_rows(map);
            let mut arena = Arena::new(Sizes {
                rows,
                activations: bytes,
                hidden: 0,
                prepared: 0,
            });
            let mut scratch = arena.scratch();
            machine.depthwise(&x, map, &dw, &norm, &layer, &mut scratch);
            // On one thread, the last row of the convolution.
            let row = if machine.threads() == 1 {
                scratch.rows.to_vec()
            } else {
                Vec::new()
            };
            (scratch.activations.to_vec(), row)
        };
        let (wanted, row) = run(&mut Machine::new(KernelSet::Scalar, 1).unwrap());
        for mut machine in machines() {
            let found = run(&mut machine);
            assert_eq!(found.0, wanted, "{machine:?} {height}x{width}x{real}");
            if machine.threads() == 1 {
                assert_eq!(bits(&found.1), bits(&row), "{machine:?}");
            }
        }
        for y in 0..height {
            for column in 0..width {
                let conv: Vec<f64> = (0..real)
                    .map(|c| {
                        let mut sum = f64::from(bias[c]);
                        for ky in 0..7 {
                            for kx in 0..7 {
                                let (iy, ix) =
                                    ((y + ky).wrapping_sub(3), (column + kx).wrapping_sub(3));
                                if iy < height && ix < width {
                                    let tap = f64::from(weights[(ky * 7 + kx) * channels + c]);
                                    sum += tap * f64::from(x[(iy * width + ix) * channels + c]);
                                }
                            }
                        }
                        sum
                    })
                    .collect();
                let mean = conv.iter().sum::<f64>() / real as f64;
                let variance = conv.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / real as f64;
                if y == height - 1 {
                    // Relative to the greatest: a sum of terms of both signs may come out near 0.
                    let greatest = conv.iter().fold(0.0, |a: f64, v| a.max(v.abs()));
                    for (found, right) in row[column * channels..].iter().zip(&conv) {
                        assert!((f64::from(*found) - right).abs() <= 1e-5 * greatest);
                    }
                }
                for c in 0..real {
                    let right = (conv[c] - mean) / (variance + 1e-6).sqrt() * f64::from(gain[c])
                        + f64::from(shift[c]);
                    let found = f64::from(wanted[(y * width + column) * layer.row_bytes() + c]);
                    assert!(
                        (found - right.clamp(0.0, 255.0)).abs() <= 0.501,
                        "{found} {right}"
                    );
                }
            }
        }
    }
}

#[test]
fn extreme_scales_and_zero_points_give_the_same_bytes_on_every_kernel() {
    let mut r = Random(23);
    let (map, real) = (
        FeatureMap {
            height: 5,
            width: 9,
            channels: 48,
        },
        41,
    );
    let fill = |mut v: Vec<f32>| {
        v.iter_mut()
            .enumerate()
            .filter(|(i, _)| i % 48 >= real)
            .for_each(|(_, v)| *v = 0.0);
        v
    };
    let owned = Owned::random(&mut r, 48, 16, false);
    let layer = owned.layer();
    let (weights, bias) = (fill(r.floats(49 * 48, 0.3)), fill(r.floats(48, 1e-7)));
    let dw = Depthwise {
        weights: &weights,
        bias: &bias,
    };
    for scale in [0.0, 1e-20, 1e-6, 1.0, 1e6, 1e15] {
        let x = fill(r.floats(map.floats(), scale));
        for (gain, zero) in [(1e-9, 0.0), (40.0, 128.0), (1e9, 255.0)] {
            let (gain, shift) = (fill(r.floats(48, gain)), fill(vec![zero; 48]));
            let norm = Norm {
                gain: &gain,
                shift: &shift,
                channels: real,
                epsilon: 1e-6,
            };
            let run = |machine: &mut Machine| {
                let mut arena = Arena::new(Sizes {
                    rows: machine.depthwise_rows(map),
                    activations: map.pixels().next_multiple_of(16) * layer.row_bytes(),
                    hidden: 0,
                    prepared: 0,
                });
                let mut scratch = arena.scratch();
                machine.depthwise(&x, map, &dw, &norm, &layer, &mut scratch);
                scratch.activations.to_vec()
            };
            let wanted = run(&mut Machine::new(KernelSet::Scalar, 1).unwrap());
            for mut machine in machines() {
                assert_eq!(run(&mut machine), wanted, "{machine:?} {scale} {zero}");
            }
            if gain.iter().all(|g| g.abs() <= 1e-9) {
                // Nothing of the input is left: every byte is the zero point.
                assert!(
                    wanted
                        .chunks(64)
                        .take(45)
                        .all(|p| p[..real].iter().all(|b| *b == zero as u8))
                );
            }
        }
    }
}

#[test]
fn the_stem_is_alike_on_every_kernel_and_right() {
    let mut r = Random(5);
    for (height, width, real) in [(4, 4, 16), (8, 36, 40), (12, 52, 96)] {
        let channels = usize::next_multiple_of(real, 16);
        let fill = |mut v: Vec<f32>| {
            v.iter_mut()
                .enumerate()
                .filter(|(i, _)| i % channels >= real)
                .for_each(|(_, v)| *v = 0.0);
            v
        };
        let x = r.floats(3 * height * width, 2.0);
        let (weights, bias) = (
            fill(r.floats(48 * channels, 0.3)),
            fill(r.floats(channels, 0.5)),
        );
        let (gain, shift) = (fill(r.floats(channels, 2.0)), fill(r.floats(channels, 1.0)));
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
        let wanted = run(&mut Machine::new(KernelSet::Scalar, 1).unwrap());
        for mut machine in machines() {
            assert_eq!(bits(&run(&mut machine)), bits(&wanted), "{machine:?}");
        }
        let wide = width / 4;
        for p in 0..pixels {
            let conv: Vec<f64> = (0..real)
                .map(|c| {
                    let tap = |t: usize| {
                        let (colour, ky, kx) = (t / 16, t / 4 % 4, t % 4);
                        let at = (colour * height + p / wide * 4 + ky) * width + p % wide * 4 + kx;
                        f64::from(weights[t * channels + c]) * f64::from(x[at])
                    };
                    f64::from(bias[c]) + (0..48).map(tap).sum::<f64>()
                })
                .collect();
            let mean = conv.iter().sum::<f64>() / real as f64;
            let variance = conv.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / real as f64;
            for c in 0..real {
                let right = (conv[c] - mean) / (variance + 1e-6).sqrt() * f64::from(gain[c])
                    + f64::from(shift[c]);
                assert!(
                    (f64::from(wanted[p * channels + c]) - right).abs()
                        <= 1e-5 * (1.0 + right.abs())
                );
            }
        }
    }
}

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
            machine.mean_norm(&x, map, &norm, &head.layer(), &mut means, &mut pooled);
            (squares, pooled, bits(&means))
        };
        let wanted = run(&mut Machine::new(KernelSet::Scalar, 1).unwrap());
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
