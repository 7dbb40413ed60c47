//! Left-out outputs by fitting anew, for few examples.

use std::ops::Range;

use super::ridge::{raised, target, tested, weights};
use super::triangle::Triangle;
use crate::teach::bursts::Lessons;
use crate::teach::space::{Space, shares};

/// The outputs of each burst as a head tells them that never saw it. `products` are those of all
/// directions.
pub(super) fn left_out(lessons: &Lessons, space: &Space, products: &Triangle) -> Vec<f64> {
    let labels = lessons.labels.len();
    let mut out = vec![0.0; lessons.len() * labels];
    for burst in lessons.bursts.iter().filter(|b| tested(lessons, b)) {
        let without = Without::new(lessons, space, products, burst);
        let rows = &mut out[burst.start * labels..burst.end * labels];
        without.tell(lessons, burst, rows);
    }
    out
}

/// The examples without a burst, centred and brought to length 1 anew.
struct Without<'p> {
    products: &'p Triangle,
    lengths: Vec<f64>,
    /// The product of each example with the new centre, both less the old one.
    centred: Vec<f64>,
    /// The square of the new centre, less the old one.
    square: f64,
    scales: Vec<f64>,
    rest: Vec<usize>,
}

impl<'p> Without<'p> {
    fn new(lessons: &Lessons, space: &Space, products: &'p Triangle, burst: &Range<usize>) -> Self {
        let count = lessons.len();
        let length = |scale: &f64| if *scale > 0.0 { scale.recip() } else { 0.0 };
        let lengths: Vec<f64> = space.scales.iter().map(length).collect();
        let rest: Vec<usize> = (0..count).filter(|i| !burst.contains(i)).collect();
        let shares = shares(&lessons.kinds, lessons.labels.len(), |i| {
            !burst.contains(&i)
        });
        let product = |i: usize, j: usize| products.at(i, j) * lengths[i] * lengths[j];
        let centred: Vec<f64> = (0..count)
            .map(|i| rest.iter().map(|&j| shares[j] * product(i, j)).sum())
            .collect();
        let square: f64 = rest.iter().map(|&j| shares[j] * centred[j]).sum();
        let scale = |i: usize| {
            let own = lengths[i] * lengths[i];
            let left = own - 2.0 * centred[i] + square;
            // What is left of equal examples is rounding.
            if left > 1e-12 * (own + square) {
                left.sqrt().recip()
            } else {
                0.0
            }
        };
        let scales = (0..count).map(scale).collect();
        Self {
            products,
            lengths,
            centred,
            square,
            scales,
            rest,
        }
    }

    /// The product of the new directions.
    fn product(&self, i: usize, j: usize) -> f64 {
        let old = self.products.at(i, j) * self.lengths[i] * self.lengths[j];
        (old - self.centred[i] - self.centred[j] + self.square) * self.scales[i] * self.scales[j]
    }

    /// Writes the outputs of `burst`.
    fn tell(&self, lessons: &Lessons, burst: &Range<usize>, out: &mut [f64]) {
        let labels = lessons.labels.len();
        let kinds: Vec<usize> = self.rest.iter().map(|&i| lessons.kinds[i]).collect();
        let mut matrix = Triangle::zero(self.rest.len());
        for (a, &i) in self.rest.iter().enumerate() {
            for (place, &j) in matrix.row_mut(a).iter_mut().zip(&self.rest) {
                *place = self.product(i, j);
            }
        }
        let Some(factor) = raised(matrix, &weights(&kinds, labels)) else {
            return;
        };
        for (i, row) in burst.clone().zip(out.chunks_exact_mut(labels)) {
            let mut column: Vec<f64> = self.rest.iter().map(|&j| self.product(i, j)).collect();
            factor.forward(&mut column);
            factor.backward(&mut column);
            row.fill(1.0 / labels as f64);
            for (x, &kind) in column.iter().zip(&kinds) {
                for (label, place) in row.iter_mut().enumerate() {
                    *place += x * target(kind, label, labels);
                }
            }
        }
    }
}
