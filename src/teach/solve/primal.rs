//! Equations between features, for more examples than features.

use std::ops::Range;

use super::{PENALTY, Solution, Triangle, dot, settle, target, tested, weights};
use crate::teach::bursts::Lessons;
use crate::teach::space::{CHUNK, Space};

/// Solves `(sum w z zᵀ + penalty I) b = sum w y z` over the directions `z`; `b` are the weights.
pub(super) fn solve(lessons: &Lessons, space: &Space) -> Solution {
    let (labels, width) = (lessons.labels.len(), lessons.examples.width());
    let weighed = weights(&lessons.kinds, labels);
    let mut matrix = products(lessons, space, &weighed);
    matrix.raise(|_| PENALTY);
    let mut solution = Solution {
        weights: vec![0.0; labels * width],
        left_out: vec![0.0; labels * lessons.len()],
    };
    let Some(factor) = matrix.factor() else {
        return solution;
    };
    let (mut buffer, mut factors) = (vec![0.0; width], vec![0.0; labels]);
    for (i, (&kind, weight)) in lessons.kinds.iter().zip(&weighed).enumerate() {
        for (label, factor) in factors.iter_mut().enumerate() {
            *factor = weight * target(kind, label, labels);
        }
        space.add(lessons, i, &factors, &mut buffer, &mut solution.weights);
    }
    for row in solution.weights.chunks_exact_mut(width) {
        factor.forward(row);
        factor.backward(row);
    }
    left_out(lessons, space, &weighed, &factor, &mut solution);
    solution
}

/// The products of all features with each other, over the weighted examples.
fn products(lessons: &Lessons, space: &Space, weighed: &[f64]) -> Triangle {
    let width = lessons.examples.width();
    let mut matrix = Triangle::zero(width);
    let (mut panel, mut buffer) = (vec![0.0; width * CHUNK], vec![0.0; width]);
    for from in (0..lessons.len()).step_by(CHUNK) {
        let depth = CHUNK.min(lessons.len() - from);
        for e in 0..depth {
            let i = from + e;
            space.write(lessons, i, 0, weighed[i].sqrt(), &mut buffer);
            for (row, value) in panel.chunks_exact_mut(depth).zip(&buffer) {
                row[e] = *value;
            }
        }
        matrix.add_products(&panel[..width * depth], depth);
    }
    matrix
}

/// The residual of a burst that is left out: `(I - w S_BB) r = y_B - f_B`, in which `S_BB` are the
/// products of its directions through the inverse of the matrix.
fn left_out(
    lessons: &Lessons,
    space: &Space,
    weighed: &[f64],
    factor: &Triangle,
    solution: &mut Solution,
) {
    let width = lessons.examples.width();
    let bursts: Vec<_> = lessons
        .bursts
        .iter()
        .filter(|b| tested(lessons, b))
        .collect();
    let mut four = std::array::from_fn(|_| vec![0.0; width]);
    let mut solved = Vec::new();
    let mut rest = bursts.as_slice();
    while !rest.is_empty() {
        // As many bursts as fill the four columns that are solved at once.
        let mut rows: Vec<usize> = Vec::new();
        let mut taken = 0;
        while taken < rest.len() && (rows.is_empty() || rows.len() + rest[taken].len() <= 4) {
            rows.extend(rest[taken].clone());
            taken += 1;
        }
        solved.clear();
        for four_rows in rows.chunks(4) {
            for (column, &i) in four.iter_mut().zip(four_rows) {
                space.write(lessons, i, 0, 1.0, column);
            }
            fitted(lessons, &four, four_rows, solution);
            factor.forward_four(&mut four);
            four.iter()
                .take(four_rows.len())
                .for_each(|c| solved.extend_from_slice(c));
        }
        let mut columns = solved.as_slice();
        for burst in &rest[..taken] {
            let (own, others) = columns.split_at(burst.len() * width);
            columns = others;
            settle_burst(lessons, burst, weighed[burst.start], own, solution);
        }
        rest = &rest[taken..];
    }
}

/// Writes `y - f` of these rows, whose directions are in `four`.
fn fitted(lessons: &Lessons, four: &[Vec<f64>; 4], rows: &[usize], solution: &mut Solution) {
    let labels = lessons.labels.len();
    let width = lessons.examples.width();
    for (&i, direction) in rows.iter().zip(four) {
        let out = &mut solution.left_out[i * labels..][..labels];
        let weights = solution.weights.chunks_exact(width);
        for (label, (place, row)) in out.iter_mut().zip(weights).enumerate() {
            let output = dot(row, direction);
            *place = target(lessons.kinds[i], label, labels) - output;
        }
    }
}

fn settle_burst(
    lessons: &Lessons,
    burst: &Range<usize>,
    weight: f64,
    solved: &[f64],
    solution: &mut Solution,
) {
    let labels = lessons.labels.len();
    let mut block = Triangle::zero(burst.len());
    block.add_products(solved, lessons.examples.width());
    block.scale(-weight);
    block.raise(|_| 1.0);
    let rows = &mut solution.left_out[burst.start * labels..burst.end * labels];
    settle(lessons.kinds[burst.start], labels, block, rows);
}
