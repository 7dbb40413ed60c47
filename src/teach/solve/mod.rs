//! Ridge regression in closed form, and the answers that it would give without each burst.
//!
//! The targets are 1 for the label of an example and 0 for the others, less their mean over the
//! labels: the outputs of all labels sum to 1. An example of a label with `k` of them weighs
//! `1 / sqrt(k)`, so that 40 of one label do not outvote 4 of another.

mod dual;
mod primal;
mod refit;
mod ridge;
mod triangle;
mod vectors;

pub(super) use ridge::Solution;
pub(super) use vectors::dot;

use super::bursts::{Lessons, MOST};
use super::space::{CHUNK, Space};
use ridge::FEW;

/// Solves by equations between the examples or between the features, by what are fewer.
pub(super) fn solve(lessons: &Lessons, space: &Space) -> Solution {
    if lessons.len() <= FEW.max(lessons.examples.width()) {
        dual::solve(lessons, space)
    } else {
        primal::solve(lessons, space)
    }
}

/// Bytes that solving takes at most, beside the solution.
pub(super) fn memory(examples: usize, labels: usize, width: usize) -> usize {
    let side = examples.min(width.max(FEW));
    let few = examples.min(FEW);
    let triangles = side * (side + 1) / 2 + few * (few + 1) / 2;
    let panel = side * CHUNK + 2 * width;
    let burst = MOST * (width + MOST) + 6 * width;
    let burst = if side < examples { burst } else { 0 };
    (triangles + panel.max(burst) + labels * examples + 4 * examples) * size_of::<f64>()
}

#[cfg(test)]
mod tests;
