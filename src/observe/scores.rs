//! From logits to probabilities, and the best of them in order.

/// Why logits cannot be turned into probabilities.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// A logit is infinite or not a number: the model or the engine is broken.
    #[error(
        "logit {index} is {value}: the model gives no finite answer; run `goldcrest check` to test it"
    )]
    NotFinite {
        /// Which one.
        index: usize,
        /// What it is.
        value: f32,
    },
    /// There are not as many logits as places for probabilities.
    #[error("the model gave {logits} logits for {labels} labels")]
    Length {
        /// How many logits came.
        logits: usize,
        /// How many labels there are.
        labels: usize,
    },
    /// The temperature is not a positive number.
    #[error("the temperature is {0} and must be a number above 0")]
    Temperature(f32),
}

/// One label's place among the best.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranked {
    /// Its index among the labels.
    pub(crate) index: usize,
    /// Its score, a probability of 0 to 1.
    pub(crate) score: f32,
}

/// Turns logits into probabilities that sum to 1: `exp(x / temperature)`, normalised.
///
/// The largest logit is subtracted first, so that no exponent overflows. Dividing by a temperature
/// that was fitted on validation images is what calibrates the scores (Guo et al. 2017, "On
/// Calibration of Modern Neural Networks").
///
/// # Errors
/// A logit that is not finite, another number of logits than `out` has places, a temperature that
/// is not above 0. `out` is then as it was.
pub(crate) fn softmax(logits: &[f32], temperature: f32, out: &mut [f32]) -> Result<(), Error> {
    check(logits, out)?;
    if !(temperature.is_finite() && temperature > 0.0) {
        return Err(Error::Temperature(temperature));
    }
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for (place, &logit) in out.iter_mut().zip(logits) {
        *place = ((logit - largest) / temperature).exp();
        sum += *place;
    }
    // The largest one gave exp(0), so the sum is at least 1.
    for place in out {
        *place /= sum;
    }
    Ok(())
}

/// Takes `probabilities` that the network computed itself as they are, within 0 to 1.
///
/// # Errors
/// As [`softmax`].
pub(crate) fn probabilities(probabilities: &[f32], out: &mut [f32]) -> Result<(), Error> {
    check(probabilities, out)?;
    for (place, probability) in out.iter_mut().zip(probabilities) {
        *place = probability.clamp(0.0, 1.0);
    }
    Ok(())
}

/// Refuses outputs of a network that are not finite, or not one for each place of `out`.
fn check(outputs: &[f32], out: &[f32]) -> Result<(), Error> {
    if outputs.len() != out.len() {
        return Err(Error::Length {
            logits: outputs.len(),
            labels: out.len(),
        });
    }
    let wrong = outputs.iter().position(|value| !value.is_finite());
    match wrong {
        Some(index) => Err(Error::NotFinite {
            index,
            value: outputs[index],
        }),
        None => Ok(()),
    }
}

/// Over how many labels `probabilities` are spread: the exponential of their entropy (perplexity).
/// It is 1 when one label has all, and the number of labels when all have the same.
pub(crate) fn spread(probabilities: &[f32]) -> f32 {
    let terms = probabilities.iter().filter(|p| **p > 0.0);
    terms.map(|p| -p * p.ln()).sum::<f32>().exp()
}

/// Writes the `k` best of `scores` into `out`, best first, equal ones in the order of the labels.
///
/// Scores that are not numbers are passed over. Nothing is allocated when `out` has room for `k`.
pub(crate) fn rank(scores: &[f32], k: usize, out: &mut Vec<Ranked>) {
    out.clear();
    for (index, &score) in scores.iter().enumerate() {
        if score.is_nan() || k == 0 {
            continue;
        }
        if out.len() == k {
            if out.last().is_some_and(|worst| score <= worst.score) {
                continue;
            }
            out.pop();
        }
        let place = out.partition_point(|better| better.score >= score);
        out.insert(place, Ranked { index, score });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ranked(scores: &[f32], k: usize) -> Vec<(usize, f32)> {
        let mut out = Vec::new();
        rank(scores, k, &mut out);
        out.iter().map(|r| (r.index, r.score)).collect()
    }

    #[test]
    fn softmax_of_known_logits() {
        let mut out = [0.0; 3];
        softmax(&[0.0, 2.0f32.ln(), 5.0f32.ln()], 1.0, &mut out).unwrap();
        for (got, want) in out.iter().zip([0.125, 0.25, 0.625]) {
            assert!((got - want).abs() < 1e-6, "{out:?}");
        }
        softmax(&[0.0, 2.0 * 3.0f32.ln()], 2.0, &mut out[..2]).unwrap();
        assert!((out[1] - 0.75).abs() < 1e-6, "{out:?}");
    }

    #[test]
    fn probabilities_are_taken_as_they_are() {
        let mut out = [0.5; 3];
        assert!(probabilities(&[0.1, f32::NAN, 0.2], &mut out).is_err());
        assert!(probabilities(&[0.1], &mut out).is_err());
        assert_eq!(out, [0.5; 3]);
        probabilities(&[0.99, -1e-7, 1.000_1], &mut out).unwrap();
        assert_eq!(out, [0.99, 0.0, 1.0]);
    }

    #[test]
    fn softmax_survives_the_largest_logits() {
        let mut out = [0.0; 2];
        softmax(&[f32::MAX, f32::MIN], 1e-6, &mut out).unwrap();
        assert_eq!(out, [1.0, 0.0]);
        softmax(&[f32::MAX, f32::MAX], 1e6, &mut out).unwrap();
        assert_eq!(out, [0.5, 0.5]);
    }

    #[test]
    fn softmax_refuses_what_has_no_answer_and_leaves_the_output() {
        let mut out = [7.0; 2];
        assert_eq!(
            softmax(&[1.0, f32::INFINITY], 1.0, &mut out),
            Err(Error::NotFinite {
                index: 1,
                value: f32::INFINITY
            })
        );
        assert!(softmax(&[f32::NAN, 1.0], 1.0, &mut out).is_err());
        assert!(softmax(&[1.0], 1.0, &mut out).is_err());
        for temperature in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            assert!(softmax(&[1.0, 2.0], temperature, &mut out).is_err());
        }
        assert_eq!(out, [7.0; 2]);
    }

    #[test]
    fn scores_of_one_label_are_spread_over_one_and_level_ones_over_all() {
        assert_eq!(spread(&[0.0, 1.0, 0.0]), 1.0);
        assert_eq!(spread(&[]), 1.0);
        assert!((spread(&[0.25; 4]) - 4.0).abs() < 1e-5);
        assert!((spread(&[0.5, 0.5, 0.0]) - 2.0).abs() < 1e-5);
        let long_tail: Vec<f32> = [0.7].into_iter().chain([0.003; 100]).collect();
        assert!(
            (spread(&long_tail) - 7.33).abs() < 0.01,
            "{}",
            spread(&long_tail)
        );
    }

    #[test]
    fn rank_orders_and_breaks_ties_by_label() {
        assert_eq!(
            ranked(&[0.1, 0.3, 0.3, 0.2], 3),
            [(1, 0.3), (2, 0.3), (3, 0.2)]
        );
        assert_eq!(ranked(&[0.1, f32::NAN, 0.3], 5), [(2, 0.3), (0, 0.1)]);
        assert_eq!(ranked(&[0.1], 0), []);
        assert_eq!(ranked(&[], 3), []);
    }

    proptest! {
        #[test]
        fn softmax_gives_probabilities_in_the_order_of_the_logits(
            logits in prop::collection::vec(-1e4f32..1e4, 1..300),
            temperature in 0.05f32..20.0,
        ) {
            let mut out = vec![0.0; logits.len()];
            softmax(&logits, temperature, &mut out).unwrap();
            let sum: f32 = out.iter().sum();
            prop_assert!((sum - 1.0).abs() < 1e-4, "{sum}");
            for (a, x) in logits.iter().zip(&out) {
                prop_assert!((0.0..=1.0).contains(x));
                for (b, y) in logits.iter().zip(&out) {
                    prop_assert!(a > b || x <= y);
                }
            }
        }

        #[test]
        fn rank_is_the_head_of_a_stable_sort(
            scores in prop::collection::vec((0u8..20).prop_map(|s| f32::from(s) / 20.0), 0..100),
            k in 0usize..10,
        ) {
            let mut sorted: Vec<_> = scores.iter().copied().enumerate().collect();
            sorted.sort_by(|a, b| b.1.total_cmp(&a.1));
            sorted.truncate(k);
            prop_assert_eq!(ranked(&scores, k), sorted);
        }
    }
}
