//! Pictures that are almost the same, under two labels.

use super::Examples;
use super::bursts::{COPY, scale};
use crate::engine::dot;

/// Directions in which pictures are compared first.
const DIRECTIONS: usize = 8;

/// Pairs of examples of different labels that are near-copies of each other, and by which no head
/// can tell the labels apart. An example is in one pair at most.
///
/// Vectors of length 1 whose cosine is near 1 are near in every direction, so nearly all pairs are
/// ruled out by a few numbers.
pub fn doubles(examples: &Examples) -> Vec<[usize; 2]> {
    let count = examples.len();
    let scales: Vec<f32> = (0..count).map(|i| scale(examples.row(i))).collect();
    let cosine = |a: usize, b: usize| dot(examples.row(a), examples.row(b)) * scales[a] * scales[b];
    // With room for what rounding changes.
    let near = (2.0 - 2.0 * COPY).sqrt() + 1e-3;
    let directions: [usize; DIRECTIONS] = std::array::from_fn(|d| d * count / DIRECTIONS);
    let mut rows: Vec<([f32; DIRECTIONS], usize)> = (0..count)
        .map(|i| (directions.map(|d| cosine(d, i)), i))
        .collect();
    rows.sort_by(|(a, i), (b, j)| a[0].total_cmp(&b[0]).then(i.cmp(j)));
    let mut paired = vec![false; count];
    let mut pairs = Vec::new();
    for (at, (along, a)) in rows.iter().enumerate() {
        let following = rows[at + 1..].iter();
        let following = following.take_while(|(other, _)| other[0] - along[0] <= near);
        for (other, b) in following {
            if paired[*a] {
                break;
            }
            let apart = along.iter().zip(other).any(|(x, y)| (x - y).abs() > near);
            if apart || paired[*b] || examples.kind(*a) == examples.kind(*b) {
                continue;
            }
            if cosine(*a, *b) >= COPY {
                (paired[*a], paired[*b]) = (true, true);
                pairs.push([*a.min(b), *a.max(b)]);
            }
        }
    }
    pairs.sort_unstable();
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::teach::Moment;

    fn examples(rows: &[(usize, Vec<f32>)]) -> Examples {
        let labels = ["a", "b", "c"].map(String::from).to_vec();
        let mut examples = Examples::new(labels, rows[0].1.len()).unwrap();
        for (group, (label, row)) in rows.iter().enumerate() {
            let moment = Moment {
                group: group as u32,
                seconds: 0.0,
            };
            examples.push(*label, row, moment).unwrap();
        }
        examples
    }

    /// Numbers from -0.5 to 0.5 that differ from seed to seed.
    fn row(seed: u64) -> Vec<f32> {
        let mut state = 88_172_645_463_325_252 ^ (seed << 20);
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1 << 24) as f32 - 0.5
        };
        (0..64).map(|_| next()).collect()
    }

    #[test]
    fn near_copies_under_two_labels_are_found_whatever_lies_between() {
        let mut rows: Vec<(usize, Vec<f32>)> = (0..200).map(|i| (i % 3, row(i as u64))).collect();
        let near = |i: u64, by: f32| -> Vec<f32> {
            let noise = row(1000 + i);
            let pairs = row(i).into_iter().zip(noise);
            pairs.map(|(v, n)| 2.0 * (v + by * n)).collect()
        };
        // Cosines of 0.9998 and 0.98; and a copy under the same label.
        rows.push((1, near(0, 0.02)));
        rows.push((2, near(1, 0.2)));
        rows.push((2, near(2, 0.02)));
        rows.push((0, near(199, 0.02)));
        assert_eq!(doubles(&examples(&rows)), [[0, 200], [199, 203]]);
        rows.reverse();
        assert_eq!(doubles(&examples(&rows)), [[0, 4], [3, 203]]);
    }

    #[test]
    fn an_example_is_in_one_pair_at_most() {
        let rows: Vec<_> = (0..9).map(|i| (i % 3, row(7))).collect();
        assert_eq!(doubles(&examples(&rows)).len(), 4);
        assert!(doubles(&examples(&[(0, row(1))])).is_empty());
        let none = Examples::new(vec!["a".into()], 3).unwrap();
        assert!(doubles(&none).is_empty());
    }
}
