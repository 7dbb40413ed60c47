//! Each kernel that runs here against plain arithmetic and against the scalar kernels, bit for bit.

mod depthwise;
mod mlp;
mod norm;
mod stem;
mod sums;

use std::io;
use std::thread::{Builder, JoinHandle};

use super::arena::{Arena, Sizes};
use super::*;

/// Their loops compute with places inside of slices whose sizes `Machine` has checked.
#[test]
fn the_kernels_are_without_overflow_checks_in_release() {
    use std::hint::black_box;
    let sum = std::panic::catch_unwind(|| black_box(u32::MAX) + black_box(1));
    assert_eq!(sum.is_err(), cfg!(debug_assertions));
}

/// Starts a thread as [`Spawn`] asks, without a watch.
pub fn spawn(
    name: String,
    stack: usize,
    work: Box<dyn FnOnce() + Send>,
) -> io::Result<JoinHandle<()>> {
    Builder::new().name(name).stack_size(stack).spawn(work)
}

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
        .flat_map(|k| [1, 3].map(|threads| Machine::new(k, threads, spawn).unwrap()));
    kernels.collect()
}

fn scalar() -> Machine {
    Machine::new(KernelSet::Scalar, 1, spawn).unwrap()
}

fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

/// `values` of pixels of `channels` channels, with those after the `real` ones set to 0.
fn blank(mut values: Vec<f32>, channels: usize, real: usize) -> Vec<f32> {
    for pixel in values.chunks_exact_mut(channels) {
        pixel[real..].fill(0.0);
    }
    values
}

/// LayerNorm of `values` in double precision, before gain and shift.
fn normed(values: &[f64]) -> Vec<f64> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
    let inverse = 1.0 / (variance + 1e-6).sqrt();
    values.iter().map(|v| (v - mean) * inverse).collect()
}
