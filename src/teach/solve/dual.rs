//! Equations between examples, for fewer examples than features.

use super::refit;
use super::ridge::{FEW, Solution, raised, settle, target, tested, weights};
use super::triangle::Triangle;
use crate::teach::bursts::Lessons;
use crate::teach::space::{CHUNK, Space};

/// Solves `(K + penalty / w) a = y`, in which `K` are the products of the examples' directions, and
/// whose weights are the directions times `a`.
pub(super) fn solve(lessons: &Lessons, space: &Space) -> Solution {
    if lessons.len() > FEW {
        return closed(lessons, space);
    }
    let products = products(lessons, space);
    let (mut solution, _) = solved(lessons, space, products.clone());
    solution.left_out = refit::left_out(lessons, space, &products);
    solution
}

/// The same, with left-out outputs in closed form for any number of examples.
pub(super) fn closed(lessons: &Lessons, space: &Space) -> Solution {
    let (mut solution, inside) = solved(lessons, space, products(lessons, space));
    if let Some((factor, columns)) = inside {
        solution.left_out = left_out(lessons, factor, &columns);
    }
    solution
}

/// The factor of the matrix, and a column of numbers for each label.
type Inside = (Triangle, Vec<Vec<f64>>);

/// The solution without what is left out, and how it came about. The matrix has a factor, because
/// the penalty is above 0.
fn solved(lessons: &Lessons, space: &Space, products: Triangle) -> (Solution, Option<Inside>) {
    let labels = lessons.labels.len();
    let weighed = weights(&lessons.kinds, labels);
    let Some(factor) = raised(products, &weighed) else {
        return (nothing(lessons), None);
    };
    let columns: Vec<Vec<f64>> = (0..labels)
        .map(|label| {
            let mut column: Vec<f64> = lessons
                .kinds
                .iter()
                .map(|&kind| target(kind, label, labels))
                .collect();
            factor.forward(&mut column);
            factor.backward(&mut column);
            column
        })
        .collect();
    let solution = Solution {
        weights: summed(lessons, space, &columns),
        ..nothing(lessons)
    };
    (solution, Some((factor, columns)))
}

/// The outputs that tell nothing.
fn nothing(lessons: &Lessons) -> Solution {
    let labels = lessons.labels.len();
    Solution {
        weights: vec![0.0; labels * lessons.examples.width()],
        left_out: vec![0.0; labels * lessons.len()],
    }
}

/// The products of all directions.
fn products(lessons: &Lessons, space: &Space) -> Triangle {
    let mut products = Triangle::zero(lessons.len());
    let width = lessons.examples.width();
    let mut panel = Vec::new();
    for from in (0..width).step_by(CHUNK) {
        let depth = CHUNK.min(width - from);
        panel.resize(lessons.len() * depth, 0.0);
        for (i, row) in panel.chunks_exact_mut(depth).enumerate() {
            space.write(lessons, i, from, 1.0, row);
        }
        products.add_products(&panel, depth);
    }
    products
}

/// The residual of a burst that is left out, from the inverse `Q` of the matrix: `Q_BB r = a_B`.
/// (The same as `(I - H_BB) r = y_B - f_B` with the hat matrix `H = K Q`.)
fn left_out(lessons: &Lessons, mut factor: Triangle, columns: &[Vec<f64>]) -> Vec<f64> {
    let labels = columns.len();
    factor.invert();
    let bursts: Vec<_> = lessons
        .bursts
        .iter()
        .filter(|b| tested(lessons, b))
        .collect();
    let mut blocks: Vec<_> = bursts.iter().map(|b| Triangle::zero(b.len())).collect();
    for r in 0..factor.size() {
        let row = factor.row(r);
        // Bursts stand in the order of their rows.
        for (burst, block) in bursts
            .iter()
            .zip(&mut blocks)
            .take_while(|(b, _)| b.start <= r)
        {
            block.add_square(&row[burst.start..burst.end.min(r + 1)]);
        }
    }
    let mut out = vec![0.0; lessons.len() * labels];
    for (burst, block) in bursts.into_iter().zip(blocks) {
        let rows = &mut out[burst.start * labels..burst.end * labels];
        for (i, row) in burst.clone().zip(rows.chunks_exact_mut(labels)) {
            for (place, column) in row.iter_mut().zip(columns) {
                *place = column[i];
            }
        }
        settle(lessons.kinds[burst.start], labels, block, rows);
    }
    out
}

/// The sums of the directions times each column.
fn summed(lessons: &Lessons, space: &Space, columns: &[Vec<f64>]) -> Vec<f64> {
    let width = lessons.examples.width();
    let mut out = vec![0.0; columns.len() * width];
    let mut buffer = vec![0.0; width];
    let mut factors = vec![0.0; columns.len()];
    for i in 0..lessons.len() {
        for (factor, column) in factors.iter_mut().zip(columns) {
            *factor = column[i];
        }
        space.add(lessons, i, &factors, &mut buffer, &mut out);
    }
    out
}
