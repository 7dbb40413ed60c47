//! Symmetric and triangular matrices in half the memory.

use super::vectors::{add, add_four, dot, dots};

/// The lower triangle of a square matrix in f64, row after row: row `i` has `i + 1` numbers. All
/// sums run in a fixed order, so every processor gives the same bits.
#[derive(Clone, Debug)]
pub(in crate::teach) struct Triangle {
    size: usize,
    values: Vec<f64>,
}

/// Where row `i` begins.
const fn begin(i: usize) -> usize {
    i * (i + 1) / 2
}

impl Triangle {
    /// All zeros.
    pub fn zero(size: usize) -> Self {
        Self {
            size,
            values: vec![0.0; begin(size)],
        }
    }

    pub fn size(&self) -> usize {
        self.size
    }

    pub fn row(&self, i: usize) -> &[f64] {
        &self.values[begin(i)..begin(i + 1)]
    }

    pub fn row_mut(&mut self, i: usize) -> &mut [f64] {
        &mut self.values[begin(i)..begin(i + 1)]
    }

    /// The number in row `i` and column `j` of a symmetric matrix.
    pub fn at(&self, i: usize, j: usize) -> f64 {
        self.values[begin(i.max(j)) + i.min(j)]
    }

    /// Multiplies all by `factor`.
    pub fn scale(&mut self, factor: f64) {
        self.values.iter_mut().for_each(|v| *v *= factor);
    }

    /// Adds the products of `values` with each other to its first rows and columns.
    pub fn add_square(&mut self, values: &[f64]) {
        for (i, value) in values.iter().enumerate() {
            add(self.row_mut(i), &values[..=i], *value);
        }
    }

    /// Adds `add(i)` to the diagonal.
    pub fn raise(&mut self, add: impl Fn(usize) -> f64) {
        for i in 0..self.size {
            self.values[begin(i + 1) - 1] += add(i);
        }
    }

    /// Adds the products of the rows of `panel`, of which there are [`Triangle::size`], each of
    /// `depth` numbers.
    pub fn add_products(&mut self, panel: &[f64], depth: usize) {
        let row = |i: usize| &panel[i * depth..][..depth];
        let mut i = 0;
        while i < self.size {
            let block = (self.size - i).min(4);
            let rows: [&[f64]; 4] = std::array::from_fn(|r| row((i + r).min(self.size - 1)));
            for j in 0..i + block {
                let products = dots(row(j), rows);
                for (r, product) in products.iter().enumerate().take(block) {
                    if j <= i + r {
                        self.values[begin(i + r) + j] += product;
                    }
                }
            }
            i += block;
        }
    }

    /// Replaces a symmetric, positive definite matrix by its factor `L`, with `L Lᵀ` the matrix
    /// (Cholesky). None if it is not positive definite to the precision of f64.
    pub fn factor(mut self) -> Option<Self> {
        let mut i = 0;
        while i < self.size {
            let block = (self.size - i).min(4);
            if block == 4 {
                let (done, rest) = self.values.split_at_mut(begin(i));
                let mut rows = four(rest, i);
                for j in 0..i {
                    let before = &done[begin(j)..begin(j + 1)];
                    let (left, diagonal) = (&before[..j], before[j]);
                    let products = dots(left, rows.each_ref().map(|row| &row[..j]));
                    for (row, product) in rows.iter_mut().zip(products) {
                        row[j] = (row[j] - product) / diagonal;
                    }
                }
            } else {
                self.reduce(i, i, block);
            }
            if !self.finish(i, block) {
                return None;
            }
            i += block;
        }
        Some(self)
    }

    /// The columns up to `end` of rows `i..i + block`, one row at a time.
    fn reduce(&mut self, i: usize, end: usize, block: usize) {
        for r in i..i + block {
            let (done, rest) = self.values.split_at_mut(begin(r));
            for j in 0..end {
                let before = &done[begin(j)..begin(j + 1)];
                rest[j] = (rest[j] - dot(&before[..j], &rest[..j])) / before[j];
            }
        }
    }

    /// The columns from `i` on of rows `i..i + block`.
    fn finish(&mut self, i: usize, block: usize) -> bool {
        for r in i..i + block {
            let (done, rest) = self.values.split_at_mut(begin(r));
            for j in i..r {
                let before = &done[begin(j)..begin(j + 1)];
                rest[j] = (rest[j] - dot(&before[..j], &rest[..j])) / before[j];
            }
            let square = rest[r] - dot(&rest[..r], &rest[..r]);
            // Catches NaN too.
            if !(square > 0.0) {
                return false;
            }
            rest[r] = square.sqrt();
        }
        true
    }

    /// Replaces a factor `L` by its inverse.
    pub fn invert(&mut self) {
        let mut factors = Vec::new();
        for i in 0..self.size {
            let (done, rest) = self.values.split_at_mut(begin(i));
            let row = &mut rest[..=i];
            let scale = 1.0 / row[i];
            factors.clear();
            factors.extend(row[..i].iter().map(|v| -v * scale));
            row.fill(0.0);
            row[i] = scale;
            let mut k = 0;
            while k + 4 <= i {
                let below = &done[begin(k)..begin(k + 4)];
                add_four(row, below, k, [0, 1, 2, 3].map(|r| factors[k + r]));
                k += 4;
            }
            for k in k..i {
                add(row, &done[begin(k)..begin(k + 1)], factors[k]);
            }
        }
    }

    /// Solves `L x = b` in place, for the factor `L`.
    pub fn forward(&self, b: &mut [f64]) {
        for i in 0..self.size {
            let row = self.row(i);
            b[i] = (b[i] - dot(&row[..i], &b[..i])) / row[i];
        }
    }

    /// The same for four right sides at once.
    pub fn forward_four(&self, b: &mut [Vec<f64>; 4]) {
        for i in 0..self.size {
            let row = self.row(i);
            let products = dots(&row[..i], b.each_ref().map(|b| &b[..i]));
            for (b, product) in b.iter_mut().zip(products) {
                b[i] = (b[i] - product) / row[i];
            }
        }
    }

    /// Solves `Lᵀ x = b` in place, for the factor `L`.
    pub fn backward(&self, b: &mut [f64]) {
        for i in (0..self.size).rev() {
            let row = self.row(i);
            let x = b[i] / row[i];
            b[i] = x;
            add(&mut b[..i], &row[..i], -x);
        }
    }
}

/// Four rows of a triangle from row `i` on, where `rest` begins.
fn four(rest: &mut [f64], i: usize) -> [&mut [f64]; 4] {
    let (a, rest) = rest.split_at_mut(i + 1);
    let (b, rest) = rest.split_at_mut(i + 2);
    let (c, rest) = rest.split_at_mut(i + 3);
    [a, b, c, &mut rest[..i + 4]]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A matrix with large eigenvalues and small ones.
    fn sample(size: usize) -> Triangle {
        let panel: Vec<f64> = (0..size * 9)
            .map(|i| ((i * i) as f64 * 0.37).sin())
            .collect();
        let mut matrix = Triangle::zero(size);
        matrix.add_products(&panel, 9);
        matrix.raise(|i| 0.1 + 0.01 * i as f64);
        matrix
    }

    #[test]
    fn the_factor_times_itself_is_the_matrix() {
        for size in [0, 1, 2, 3, 4, 5, 8, 23, 66] {
            let matrix = sample(size);
            let l = matrix.clone().factor().unwrap();
            for i in 0..size {
                for j in 0..=i {
                    let product = dot(&l.row(i)[..=j], l.row(j));
                    assert!((product - matrix.row(i)[j]).abs() < 1e-10, "{size} {i} {j}");
                }
            }
        }
    }

    #[test]
    fn the_inverse_times_the_factor_is_one() {
        for size in [1, 3, 4, 7, 30] {
            let l = sample(size).factor().unwrap();
            let mut inverse = l.clone();
            inverse.invert();
            for i in 0..size {
                for j in 0..=i {
                    let product: f64 = (j..=i).map(|k| inverse.at(i, k) * l.at(k, j)).sum();
                    assert!((product - f64::from(u8::from(i == j))).abs() < 1e-9);
                }
            }
        }
    }

    #[test]
    fn solutions_solve() {
        let size = 21;
        let matrix = sample(size);
        let l = matrix.clone().factor().unwrap();
        let b: Vec<f64> = (0..size).map(|i| (i as f64).cos()).collect();
        let mut x = b.clone();
        l.forward(&mut x);
        let mut four = std::array::from_fn(|_| b.clone());
        l.forward_four(&mut four);
        assert!(
            four.iter()
                .flatten()
                .zip(x.iter().cycle())
                .all(|(a, b)| (a - b).abs() < 1e-9)
        );
        l.backward(&mut x);
        for (i, b) in b.iter().enumerate() {
            let product: f64 = (0..size).map(|j| matrix.at(i, j) * x[j]).sum();
            assert!((product - b).abs() < 1e-9);
        }
    }

    #[test]
    fn what_is_not_positive_definite_has_no_factor() {
        for bad in [0.0, -1.0, f64::NAN] {
            let mut matrix = sample(6);
            matrix.row_mut(4)[4] = bad;
            assert!(matrix.factor().is_none(), "{bad}");
        }
    }
}
