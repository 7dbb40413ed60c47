//! Depthwise convolutions with their LayerNorm, against the scalar kernels and double precision.

use super::*;

/// A convolution, its LayerNorm and a picture for them, of `real` channels.
struct Sample {
    map: FeatureMap,
    real: usize,
    x: Vec<f32>,
    weights: Vec<f32>,
    bias: Vec<f32>,
    gain: Vec<f32>,
    shift: Vec<f32>,
}

impl Sample {
    fn random(r: &mut Random, height: usize, width: usize, real: usize) -> Self {
        let channels = real.next_multiple_of(16);
        let map = FeatureMap {
            height,
            width,
            channels,
        };
        let mut some = |n: usize, scale: f32| blank(r.floats(n * channels, scale), channels, real);
        Self {
            map,
            real,
            x: some(map.pixels(), 3.0),
            weights: some(49, 0.3),
            bias: some(1, 0.5),
            gain: some(1, 30.0),
            shift: some(1, 100.0),
        }
    }

    /// The bytes on `machine`; and on one thread, the last row of the convolution.
    fn run(&self, machine: &mut Machine, layer: &Linear) -> (Vec<u8>, Vec<f32>) {
        let mut arena = Arena::new(Sizes {
            rows: machine.sizing().depthwise_rows(self.map),
            activations: self.map.pixels().next_multiple_of(16) * layer.row_bytes(),
            hidden: 0,
            prepared: 0,
        });
        let dw = Depthwise {
            weights: &self.weights,
            bias: &self.bias,
        };
        let norm = Norm {
            gain: &self.gain,
            shift: &self.shift,
            channels: self.real,
            epsilon: 1e-6,
        };
        let mut scratch = arena.scratch();
        machine.depthwise(&self.x, self.map, &dw, &norm, layer, &mut scratch);
        let row = if machine.threads() == 1 {
            scratch.rows.to_vec()
        } else {
            Vec::new()
        };
        (scratch.activations.to_vec(), row)
    }

    /// One pixel of the convolution in double precision.
    fn convolved(&self, y: usize, column: usize) -> Vec<f64> {
        let FeatureMap {
            height,
            width,
            channels,
        } = self.map;
        let mut sums: Vec<f64> = self.bias[..self.real]
            .iter()
            .map(|b| f64::from(*b))
            .collect();
        for (ky, kx) in (0..49).map(|tap| (tap / 7, tap % 7)) {
            let (iy, ix) = ((y + ky).wrapping_sub(3), (column + kx).wrapping_sub(3));
            if iy >= height || ix >= width {
                continue;
            }
            for (c, sum) in sums.iter_mut().enumerate() {
                let tap = f64::from(self.weights[(ky * 7 + kx) * channels + c]);
                *sum += tap * f64::from(self.x[(iy * width + ix) * channels + c]);
            }
        }
        sums
    }

    /// Compares `bytes` and the last `row` of the convolution with double precision.
    fn check(&self, bytes: &[u8], row: &[f32], row_bytes: usize) {
        for (y, column) in (0..self.map.pixels()).map(|p| (p / self.map.width, p % self.map.width))
        {
            let conv = self.convolved(y, column);
            if y == self.map.height - 1 {
                // Relative to the greatest: a sum of terms of both signs may come out near 0.
                let greatest = conv.iter().fold(0.0, |a: f64, v| a.max(v.abs()));
                for (found, right) in row[column * self.map.channels..].iter().zip(&conv) {
                    assert!((f64::from(*found) - right).abs() <= 1e-5 * greatest);
                }
            }
            for (c, normed) in normed(&conv).into_iter().enumerate() {
                let right = normed * f64::from(self.gain[c]) + f64::from(self.shift[c]);
                let found = f64::from(bytes[(y * self.map.width + column) * row_bytes + c]);
                let off = (found - right.clamp(0.0, 255.0)).abs();
                assert!(off <= 0.501, "{found} {right}");
            }
        }
    }
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
        let sample = Sample::random(&mut r, height, width, real);
        let owned = Owned::random(&mut r, sample.map.channels, 16, false);
        let layer = owned.layer();
        let (wanted, row) = sample.run(&mut scalar(), &layer);
        for mut machine in machines() {
            let found = sample.run(&mut machine, &layer);
            assert_eq!(found.0, wanted, "{machine:?} {height}x{width}x{real}");
            if machine.threads() == 1 {
                assert_eq!(bits(&found.1), bits(&row), "{machine:?}");
            }
        }
        sample.check(&wanted, &row, layer.row_bytes());
    }
}

#[test]
fn extreme_scales_give_the_same_bytes_on_every_kernel() {
    let mut r = Random(23);
    let owned = Owned::random(&mut r, 48, 16, false);
    let layer = owned.layer();
    let mut sample = Sample::random(&mut r, 5, 9, 41);
    sample.bias = blank(r.floats(48, 1e-7), 48, 41);
    for scale in [0.0, 1e-20, 1e-6, 1.0, 1e6, 1e15] {
        sample.x = blank(r.floats(sample.map.floats(), scale), 48, 41);
        for (gain, zero) in [(1e-9, 0.0), (40.0, 128.0), (1e9, 255.0)] {
            sample.gain = blank(r.floats(48, gain), 48, 41);
            sample.shift = blank(vec![zero; 48], 48, 41);
            let (wanted, _) = sample.run(&mut scalar(), &layer);
            for mut machine in machines() {
                let (found, _) = sample.run(&mut machine, &layer);
                assert_eq!(found, wanted, "{machine:?} {scale} {zero}");
            }
            if gain <= 1e-9 {
                // The gain wipes the input out: every byte is the zero point.
                let mut pixels = wanted.chunks(64).take(45);
                assert!(pixels.all(|p| p[..41].iter().all(|b| *b == zero as u8)));
            }
        }
    }
}
