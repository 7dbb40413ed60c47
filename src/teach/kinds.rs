//! How far pictures are from the kinds that were taught.

use super::bursts::Lessons;
use super::solve::dot as product;
use crate::engine::NOTHING;

/// The mean cosine of a left-out example to its kind, less so many standard deviations, is the
/// limit: of pictures of other kinds fewer pass it than is lost of the known ones.
const DEVIATIONS: f64 = 1.45;
/// The limit where no example can be left out, and how many examples it counts as beside others.
const USUAL: f64 = 0.34;
const USUAL_WEIGHT: f64 = 4.0;
/// The limits of the limit. In a fixed view all examples may reach 0.98, and the same view at night
/// 0.8: light and weather change more than the minutes of teaching show.
const LEAST: f64 = 0.2;
const MOST: f64 = 0.65;
/// Cosines from the limit to where nothing, and everything, is familiar.
const SOFT: f64 = 0.05;

/// The mean directions of features, as they are, without a centre: the cosine to the nearest tells
/// strangers best of what was tried, from one example and one label on.
#[derive(Clone, Debug)]
pub(super) struct Kinds {
    /// A row of length 1 for each label.
    pub means: Vec<f64>,
    /// The cosine of each example to the nearest kind as it is without the example's burst; None
    /// if its label has no other.
    pub left_out: Vec<Option<f64>>,
}

/// The limits of familiarity, for the cosine to the nearest kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Limit {
    pub far: f32,
    pub near: f32,
}

impl Kinds {
    pub fn of(lessons: &Lessons) -> Self {
        let width = lessons.examples.width();
        let (mut row, mut sums) = (vec![0.0; width], vec![0.0; width * lessons.labels.len()]);
        for i in 0..lessons.len() {
            direction(lessons.row(i), &mut row);
            let sum = &mut sums[lessons.kinds[i] * width..][..width];
            sum.iter_mut().zip(&row).for_each(|(s, v)| *s += v);
        }
        let lengths: Vec<f64> = sums
            .chunks_exact(width)
            .map(|s| product(s, s).sqrt())
            .collect();
        let mut left_out = vec![None; lessons.len()];
        let mut own = vec![0.0; width];
        for burst in &lessons.bursts {
            let kind = lessons.kinds[burst.start];
            if burst.len() == lessons.segments[kind].len() {
                continue;
            }
            own.copy_from_slice(&sums[kind * width..][..width]);
            for i in burst.clone() {
                direction(lessons.row(i), &mut row);
                own.iter_mut().zip(&row).for_each(|(s, v)| *s -= v);
            }
            let own_length = product(&own, &own).sqrt();
            for i in burst.clone() {
                direction(lessons.row(i), &mut row);
                let cosine = |(other, sum): (usize, &[f64])| {
                    if other == kind {
                        ratio(product(&own, &row), own_length)
                    } else {
                        ratio(product(sum, &row), lengths[other])
                    }
                };
                let all = sums.chunks_exact(width).enumerate().map(cosine);
                left_out[i] = Some(all.fold(-1.0, f64::max));
            }
        }
        for (sum, length) in sums.chunks_exact_mut(width).zip(&lengths) {
            sum.iter_mut().for_each(|s| *s = ratio(*s, *length));
        }
        Self {
            means: sums,
            left_out,
        }
    }

    /// The cosine between the means of two labels.
    pub fn between(&self, a: usize, b: usize, width: usize) -> f64 {
        product(
            &self.means[a * width..][..width],
            &self.means[b * width..][..width],
        )
    }

    /// The limit that fits the left-out examples. Those of [`NOTHING`] are of all kinds and do not
    /// count.
    pub fn limit(&self, lessons: &Lessons) -> Limit {
        let counted = |i: &usize| lessons.label(lessons.kinds[*i]) != NOTHING;
        let cosines: Vec<f64> = (0..lessons.len())
            .filter(counted)
            .filter_map(|i| self.left_out[i])
            .collect();
        let count = cosines.len() as f64;
        let mut limit = USUAL;
        if count > 0.0 {
            let mean = cosines.iter().sum::<f64>() / count;
            let square = cosines.iter().map(|c| (c - mean) * (c - mean)).sum::<f64>() / count;
            let fitted = mean - DEVIATIONS * square.sqrt() * (1.0 + 1.0 / count);
            limit =
                (count * fitted.clamp(LEAST, MOST) + USUAL_WEIGHT * USUAL) / (count + USUAL_WEIGHT);
        }
        Limit {
            far: (limit - SOFT) as f32,
            near: (limit + SOFT) as f32,
        }
    }
}

impl Limit {
    /// As `Known::familiarity` computes it.
    pub fn familiarity(&self, cosine: f64) -> f64 {
        let (far, near) = (f64::from(self.far), f64::from(self.near));
        let t = ((cosine - far) / (near - far)).clamp(0.0, 1.0);
        t * t * (3.0 - 2.0 * t)
    }
}

fn direction(features: &[f32], out: &mut [f64]) {
    let mut square = 0.0;
    for (place, x) in out.iter_mut().zip(features) {
        *place = f64::from(*x);
        square += *place * *place;
    }
    let length: f64 = square;
    let length = length.sqrt();
    out.iter_mut().for_each(|v| *v = ratio(*v, length));
}

/// 0 where there is no length.
fn ratio(value: f64, length: f64) -> f64 {
    if length > 0.0 { value / length } else { 0.0 }
}
