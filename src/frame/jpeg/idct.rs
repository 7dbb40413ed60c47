//! The inverse cosine transform, with fewer points for a smaller picture.

use std::f64::consts::PI;

/// A side of `full` pixels at `eighths` eighths of the size.
pub(super) const fn scaled(full: usize, eighths: usize) -> usize {
    (full * eighths).div_ceil(8)
}

/// The cosines of transforms of 1 to 8 points.
///
/// A transform of N points of the lowest N×N frequencies gives the block at N/8 of its size. The
/// factor for frequency k at point n is c(k)/2 · cos((2n+1)kπ/2N) with c(0) = 1/√2 and else 1,
/// which is T.81's A.3.3 for N = 8 and keeps the mean of the block for every N.
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

    /// Transforms a block of `frequencies` into `points` rows of `points` levels, and writes them
    /// to `out`, whose rows are `stride` apart. Only the first `rows` rows and `columns` columns of
    /// eight are not zero.
    #[inline(always)]
    pub fn inverse(
        &self,
        points: usize,
        frequencies: &[f32; 64],
        (rows, columns): (usize, usize),
        out: &mut [u8],
        stride: usize,
    ) {
        let extent = (rows.min(points), columns.min(points));
        match points {
            1 => flat(points, frequencies[0], out, stride),
            2 => two(frequencies, out, stride),
            3 => self.points::<3, 4>(frequencies, extent, out, stride),
            4 => self.points::<4, 4>(frequencies, extent, out, stride),
            5 => self.points::<5, 8>(frequencies, extent, out, stride),
            6 => self.points::<6, 8>(frequencies, extent, out, stride),
            7 => self.points::<7, 8>(frequencies, extent, out, stride),
            _ => self.points::<8, 8>(frequencies, extent, out, stride),
        }
    }

    /// `N` points, computed in lanes of `W`.
    #[inline(never)]
    fn points<const N: usize, const W: usize>(
        &self,
        frequencies: &[f32; 64],
        (rows, columns): (usize, usize),
        out: &mut [u8],
        stride: usize,
    ) {
        let table = &self.0[N];
        let mut lines = [[0.0f32; W]; N];
        for (row, factors) in frequencies.chunks_exact(8).zip(table).take(rows) {
            for (line, &factor) in lines.iter_mut().zip(factors) {
                for (sum, &value) in line.iter_mut().zip(row) {
                    *sum += factor * value;
                }
            }
        }
        let levels = lines.map(|line| {
            let mut sums = [LEVEL_SHIFT; W];
            for (&value, factors) in line.iter().zip(table).take(columns) {
                for (sum, &factor) in sums.iter_mut().zip(factors) {
                    *sum += value * factor;
                }
            }
            let levels = sums.map(level);
            std::array::from_fn(|n| levels[n])
        });
        write::<N>(&levels, out, stride);
    }
}

/// A block of four levels: all factors of two points are equal.
#[inline(always)]
fn two(frequencies: &[f32; 64], out: &mut [u8], stride: usize) {
    let [mean, across, down, both] = [0, 1, 8, 9].map(|place| frequencies[place] / 8.0);
    let (left, right) = (mean + across, mean - across);
    let (more, less) = (down + both, down - both);
    let upper = [left + more, right + less].map(|sum| level(sum + LEVEL_SHIFT));
    let lower = [left - more, right - less].map(|sum| level(sum + LEVEL_SHIFT));
    write(&[upper, lower], out, stride);
}

/// A block with a mean alone.
#[inline(always)]
pub(super) fn flat(points: usize, mean: f32, out: &mut [u8], stride: usize) {
    let level = level(mean / 8.0 + LEVEL_SHIFT);
    match points {
        1 => write(&[[level; 1]; 1], out, stride),
        2 => write(&[[level; 2]; 2], out, stride),
        3 => write(&[[level; 3]; 3], out, stride),
        4 => write(&[[level; 4]; 4], out, stride),
        5 => write(&[[level; 5]; 5], out, stride),
        6 => write(&[[level; 6]; 6], out, stride),
        7 => write(&[[level; 7]; 7], out, stride),
        _ => write(&[[level; 8]; 8], out, stride),
    }
}

/// Writes the rows of a block to `out`, where they are `stride` apart. It uses slices of a known
/// length because an iterator of chunks divides to find their count, and a picture has tens of
/// thousands of blocks.
#[inline(always)]
fn write<const N: usize>(levels: &[[u8; N]; N], out: &mut [u8], stride: usize) {
    for (n, row) in levels.iter().enumerate() {
        let to = out.get_mut(n * stride..).and_then(<[u8]>::first_chunk_mut);
        if let Some(to) = to {
            *to = *row;
        }
    }
}

/// The encoder subtracts this from each level before the transform.
const LEVEL_SHIFT: f32 = 128.0;

/// The level of a sum. Beyond 2²³ the last bit of a float is worth one, so adding 2²³ rounds.
#[inline(always)]
fn level(sum: f32) -> u8 {
    (sum.clamp(0.0, 255.0) + (1u32 << 23) as f32).to_bits() as u8
}
