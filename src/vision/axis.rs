//! The weights that resize one side of a picture.

/// The triangle filter of one axis, with the fixed point and the rounding of Pillow's 8-bit
/// pictures.
///
/// For output pixel i the middle is `from + (i + ½)·s` with s = (to − from)/length, and source
/// pixel j weighs `1 − |j + ½ − middle|/max(s, 1)`, normalised so that the sum is 1. The filter
/// grows with the reduction, so that fine patterns do not alias.
#[derive(Debug, Default)]
pub(super) struct Axis {
    spans: Vec<Span>,
    weights: Vec<i32>,
    /// The most source pixels of any output pixel.
    pub taps: usize,
}

/// The source pixels of one output pixel.
#[derive(Clone, Copy, Debug)]
struct Span {
    first: usize,
    at: usize,
    count: usize,
}

/// Weights are in units of 2⁻²².
pub(super) const BITS: u32 = 22;

/// The start of a sum, so that it is rounded.
pub(super) const HALF: i32 = 1 << (BITS - 1);

/// The level of a sum.
#[inline(always)]
pub(super) fn level(sum: i32) -> u8 {
    (sum >> BITS).clamp(0, 255) as u8
}

impl Axis {
    /// Builds the weights from the part `from..to` of `size` pixels to `length` pixels; `size` is
    /// at least 1 and `0 <= from < to <= size`.
    pub fn build(&mut self, size: usize, (from, to): (f64, f64), length: usize) {
        self.spans.clear();
        self.weights.clear();
        self.taps = 0;
        // Pillow holds the part in single precision.
        let (from, to) = (from as f32, to as f32);
        let scale = f64::from(to - from) / length as f64;
        let from = f64::from(from);
        let support = scale.max(1.0);
        for i in 0..length {
            let middle = from + (i as f64 + 0.5) * scale;
            // The casts round towards zero and saturate at zero, as Pillow does.
            let end = ((middle + support + 0.5) as usize).clamp(1, size);
            let first = ((middle - support + 0.5) as usize).min(end - 1);
            let weight = |j: usize| (1.0 - ((j as f64 + 0.5 - middle) / support).abs()).max(0.0);
            let sum: f64 = (first..end).map(weight).sum();
            let unit = if sum > 0.0 {
                f64::from(1 << BITS) / sum
            } else {
                0.0
            };
            self.spans.push(Span {
                first,
                at: self.weights.len(),
                count: end - first,
            });
            self.weights
                .extend((first..end).map(|j| (weight(j) * unit + 0.5) as i32));
            self.taps = self.taps.max(end - first);
        }
    }

    /// Bytes on the heap.
    pub fn bytes(&self) -> usize {
        self.spans.capacity() * size_of::<Span>() + self.weights.capacity() * size_of::<i32>()
    }

    /// For each output pixel, the first source pixel and the weights from there on.
    pub fn spans(&self) -> impl Iterator<Item = (usize, &[i32])> {
        let weights = |s: &Span| &self.weights[s.at..s.at + s.count];
        self.spans.iter().map(move |s| (s.first, weights(s)))
    }

    /// The used source pixels, from the first to behind the last.
    pub fn range(&self) -> (usize, usize) {
        let first = self.spans.iter().map(|s| s.first).min();
        let end = self.spans.iter().map(|s| s.first + s.count).max();
        (first.unwrap_or(0), end.unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn axis(size: usize, part: (f64, f64), length: usize) -> Axis {
        let mut axis = Axis::default();
        axis.build(size, part, length);
        axis
    }

    #[test]
    fn the_same_length_changes_nothing() {
        for (i, (first, weights)) in axis(9, (0.0, 9.0), 9).spans().enumerate() {
            let one = weights.iter().position(|&w| w == 1 << BITS).unwrap();
            assert_eq!(first + one, i);
            assert_eq!(weights.iter().sum::<i32>(), 1 << BITS);
        }
    }

    #[test]
    fn halving_weighs_one_three_three_one() {
        let axis = axis(8, (0.0, 8.0), 4);
        let (first, weights) = axis.spans().nth(1).unwrap();
        let eighths: Vec<i32> = weights.iter().map(|w| w >> (BITS - 3)).collect();
        assert_eq!((first, eighths), (1, vec![1, 3, 3, 1]));
    }

    proptest! {
        #[test]
        fn weights_lie_inside_and_sum_to_one(
            size in 1usize..3000,
            length in 1usize..300,
            a in 0.0f64..1.0,
            b in 0.0f64..1.0,
        ) {
            let from = a.min(b) * size as f64;
            let to = (a.max(b) * size as f64).max(from + 1e-3).min(size as f64);
            prop_assume!(from < to);
            let axis = axis(size, (from, to), length);
            let mut last = 0;
            for (first, weights) in axis.spans() {
                prop_assert!(first >= last && !weights.is_empty());
                prop_assert!(first + weights.len() <= size);
                prop_assert!(weights.len() <= axis.taps);
                let sum: i64 = weights.iter().map(|&w| i64::from(w)).sum();
                prop_assert!((sum - (1 << BITS)).unsigned_abs() as usize <= weights.len());
                // No sum of levels leaves i32.
                prop_assert!(sum * 255 + i64::from(HALF) < i64::from(i32::MAX));
                last = first;
            }
        }
    }
}
