//! The inverse cosine transform, with fewer points for a smaller picture.

use std::f64::consts::PI;

/// The cosines of transforms of 1 to 8 points.
///
/// A transform of N points of the lowest N×N frequencies gives the block at N/8 of its size. The factor for
/// frequency k at point n is c(k)/2 · cos((2n+1)kπ/2N) with c(0) = 1/√2 and else 1, which is T.81's A.3.3 for N = 8
/// and keeps the mean of the block for every N.
pub(super) struct Cosines([[[f32; 8]; 8]; 9]);

impl Cosines {
    pub fn new() -> Self {
        let mut all = [[[0.0; 8]; 8]; 9];
        for (points, table) in all.iter_mut().enumerate().skip(1) {
            for (k, row) in table.iter_mut().enumerate().take(points) {
                let c = if k == 0 { 0.5_f64.sqrt() } else { 1.0 };
                for (n, value) in row.iter_mut().enumerate().take(points) {
                    let angle = ((2 * n + 1) * k) as f64 * PI / (2 * points) as f64;
                    *value = (c / 2.0 * angle.cos()) as f32;
                }
            }
        }
        Self(all)
    }

    /// Writes the block of `frequencies` (rows of 8, of which those from `rows` on are zero) as `points` rows of
    /// `points` levels to `out`, whose rows are `stride` apart.
    pub fn inverse(
        &self,
        points: usize,
        frequencies: &[f32; 64],
        rows: usize,
        out: &mut [u8],
        stride: usize,
    ) {
        match points {
            1 => self.points::<1>(frequencies, rows, out, stride),
            2 => self.points::<2>(frequencies, rows, out, stride),
            3 => self.points::<3>(frequencies, rows, out, stride),
            4 => self.points::<4>(frequencies, rows, out, stride),
            5 => self.points::<5>(frequencies, rows, out, stride),
            6 => self.points::<6>(frequencies, rows, out, stride),
            7 => self.points::<7>(frequencies, rows, out, stride),
            _ => self.points::<8>(frequencies, rows, out, stride),
        }
    }

    fn points<const N: usize>(
        &self,
        frequencies: &[f32; 64],
        rows: usize,
        out: &mut [u8],
        stride: usize,
    ) {
        let table = &self.0[N];
        let mut columns = [[0.0f32; N]; N];
        for (k, row) in frequencies.chunks_exact(8).enumerate().take(rows.min(N)) {
            for (y, line) in columns.iter_mut().enumerate() {
                let factor = table[k][y];
                for (sum, &value) in line.iter_mut().zip(row) {
                    *sum += factor * value;
                }
            }
        }
        for (line, to) in columns.iter().zip(out.chunks_mut(stride)) {
            let mut sums = [LEVEL_SHIFT + 0.5; N];
            for (&value, factors) in line.iter().zip(table) {
                for (sum, &factor) in sums.iter_mut().zip(factors) {
                    *sum += value * factor;
                }
            }
            for (to, sum) in to.iter_mut().zip(sums) {
                *to = sum as u8;
            }
        }
    }

    /// The same for a block that has nothing but its mean.
    pub fn flat(points: usize, mean: f32, out: &mut [u8], stride: usize) {
        let level = (mean / 8.0 + LEVEL_SHIFT + 0.5) as u8;
        for row in out.chunks_mut(stride).take(points) {
            if let Some(row) = row.get_mut(..points) {
                row.fill(level);
            }
        }
    }
}

/// What the encoder took off each level before the transform.
const LEVEL_SHIFT: f32 = 128.0;
