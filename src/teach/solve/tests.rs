//! Both forms against each other, and what is left out against fits that never saw it.

use proptest::prelude::*;

use super::*;
use crate::teach::{Examples, Moment};

/// `counts[k]` examples of each label, in bursts of up to `burst`, around a point a label.
fn sample(counts: &[usize], burst: usize, width: usize, seed: u64) -> Examples {
    let labels = (0..counts.len()).map(|k| format!("label {k}")).collect();
    let mut examples = Examples::new(labels, width).unwrap();
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    let centres: Vec<Vec<f32>> = counts
        .iter()
        .map(|_| (0..width).map(|_| random()).collect())
        .collect();
    for (k, &count) in counts.iter().enumerate() {
        for i in 0..count {
            let row: Vec<f32> = centres[k]
                .iter()
                .map(|c| 2.0 + c + 1.5 * random())
                .collect();
            let moment = Moment {
                group: (i / burst) as u32,
                seconds: (i % burst) as f64,
            };
            examples.push(k, &row, moment).unwrap();
        }
    }
    examples
}

/// The largest difference of two vectors.
fn apart(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max)
}

/// Outputs for the rows of `burst` of ridge regression on the others, with the space and the
/// weights that all have: what the closed form must give.
fn without(lessons: &Lessons, space: &Space, burst: &Range<usize>) -> Vec<f64> {
    let (labels, width) = (lessons.labels.len(), lessons.examples.width());
    let weighed = weights(&lessons.kinds, labels);
    let direction = |i: usize| {
        let mut out = vec![0.0; width];
        space.write(lessons, i, 0, 1.0, &mut out);
        out
    };
    let mut matrix = Triangle::zero(width);
    matrix.raise(|_| PENALTY);
    let mut sides = vec![vec![0.0; width]; labels];
    for i in (0..lessons.len()).filter(|i| !burst.contains(i)) {
        let z = direction(i);
        let root: Vec<f64> = z.iter().map(|v| v * weighed[i].sqrt()).collect();
        matrix.add_square(&root);
        for (label, side) in sides.iter_mut().enumerate() {
            let y = target(lessons.kinds[i], label, labels);
            side.iter_mut()
                .zip(&z)
                .for_each(|(s, v)| *s += weighed[i] * y * v);
        }
    }
    let factor = matrix.factor().unwrap();
    for side in &mut sides {
        factor.forward(side);
        factor.backward(side);
    }
    let output = |i: usize| {
        let z = direction(i);
        let row: Vec<f64> = sides
            .iter()
            .map(|s| dot(s, &z) + 1.0 / labels as f64)
            .collect();
        row
    };
    burst.clone().flat_map(output).collect()
}

/// The closed form of both ways, which is taken for any number of examples here.
fn both(lessons: &Lessons, space: &Space) -> [Solution; 2] {
    [dual::closed(lessons, space), primal::solve(lessons, space)]
}

#[test]
fn what_is_left_out_is_what_a_fit_without_it_tells() {
    for (counts, burst) in [(&[9, 4, 6][..], 1), (&[12, 5, 8], 3), (&[30, 6], 4)] {
        let examples = sample(counts, burst, 21, 5);
        let lessons = Lessons::of(&examples);
        assert!(lessons.bursts.len() > counts.len());
        let space = Space::of(&lessons);
        let labels = counts.len();
        for solution in both(&lessons, &space) {
            for burst in lessons.bursts.iter().filter(|b| tested(&lessons, b)) {
                let found = &solution.left_out[burst.start * labels..burst.end * labels];
                let wanted = without(&lessons, &space, burst);
                assert!(
                    apart(found, &wanted) < 1e-9,
                    "{burst:?} {found:?} {wanted:?}"
                );
            }
        }
    }
}

#[test]
fn few_examples_are_left_out_of_the_centre_too() {
    let examples = sample(&[6, 3, 5], 2, 40, 9);
    let lessons = Lessons::of(&examples);
    let space = Space::of(&lessons);
    let solution = Solution::of(&lessons, &space);
    for burst in &lessons.bursts {
        // A fit that never heard of the burst.
        let mut others = Examples::new(examples.labels().to_vec(), 40).unwrap();
        for i in (0..lessons.len()).filter(|i| !burst.contains(i)) {
            let index = lessons.rows[i];
            let moment = examples.moment(index);
            others
                .push(lessons.kinds[i], lessons.row(i), moment)
                .unwrap();
        }
        let rest = Lessons::of(&others);
        let anew = Space::of(&rest);
        let weights = Solution::of(&rest, &anew).weights;
        for i in burst.clone() {
            let centred: Vec<f64> = lessons
                .row(i)
                .iter()
                .zip(&anew.centre)
                .map(|(x, c)| f64::from(*x) - f64::from(*c))
                .collect();
            let length = dot(&centred, &centred).sqrt();
            for (label, row) in weights.chunks_exact(40).enumerate() {
                let wanted = dot(row, &centred) / length + 1.0 / 3.0;
                let found = solution.left_out[i * 3 + label];
                // The centre is rounded to f32.
                assert!(
                    (found - wanted).abs() < 1e-5,
                    "{i} {label}: {found} {wanted}"
                );
            }
        }
    }
}

#[test]
fn equal_examples_give_finite_outputs() {
    let mut examples = Examples::new(vec!["a".into(), "b".into()], 5).unwrap();
    for group in 0..8 {
        let moment = Moment {
            group,
            seconds: 0.0,
        };
        examples
            .push(group as usize % 2, &[0.1, 0.7, 1.0, 2.0, 3.0], moment)
            .unwrap();
    }
    let lessons = Lessons::of(&examples);
    let space = Space::of(&lessons);
    assert!(space.scales.iter().all(|s| *s == 0.0));
    for solution in both(&lessons, &space) {
        let all = solution.weights.iter().chain(&solution.left_out);
        assert!(all.clone().all(|v| v.is_finite()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn both_forms_give_the_same(
        counts in prop::collection::vec(1_usize..12, 1..5),
        burst in 1_usize..4,
        width in 2_usize..30,
        seed in any::<u64>(),
    ) {
        let examples = sample(&counts, burst, width, seed);
        let lessons = Lessons::of(&examples);
        let space = Space::of(&lessons);
        let [a, b] = both(&lessons, &space);
        prop_assert!(apart(&a.weights, &b.weights) < 1e-7);
        prop_assert!(apart(&a.left_out, &b.left_out) < 1e-7);
    }
}
