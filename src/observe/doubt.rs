//! Whether the scores of one frame are uncertain.

use super::{Ranked, Rule, scores};

/// The part of what lies above a bound of the rule that is still near the bound.
const NEAR: f32 = 1.0 / 8.0;

/// The best label, if `scores` alone claim no label by `rule`, or barely do: the best one is below
/// the threshold or near it, its lead is below the margin or near it, or the scores are spread too
/// far. Returns `None` for scores that are clear, and for none.
pub(crate) fn doubt(rule: Rule, scores: &[f32]) -> Option<Ranked> {
    let mut best = Ranked {
        index: 0,
        score: *scores.first()?,
    };
    let mut second = 0.0_f32;
    for (index, &score) in scores.iter().enumerate().skip(1) {
        if score > best.score {
            second = best.score;
            best = Ranked { index, score };
        } else {
            second = second.max(score);
        }
    }
    let clear = |bound: f32| bound + (1.0 - bound) * NEAR;
    let sure = best.score >= clear(rule.threshold)
        && best.score - second >= clear(rule.margin)
        && (rule.spread == 0.0 || scores::spread(scores) <= rule.spread);
    (!sure).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doubted(rule: Rule, scores: &[f32]) -> Option<usize> {
        doubt(rule, scores).map(|best| best.index)
    }

    #[test]
    fn scores_around_the_threshold_are_uncertain() {
        // 0.6 is the threshold.
        let rule = Rule::default();
        assert_eq!(doubted(rule, &[0.9, 0.1]), None);
        assert_eq!(doubted(rule, &[0.34, 0.66]), None);
        assert_eq!(doubted(rule, &[0.36, 0.64]), Some(1));
        assert_eq!(doubted(rule, &[0.5, 0.3, 0.2]), Some(0));
        assert_eq!(doubted(rule, &[]), None);
    }

    #[test]
    fn a_small_lead_and_a_wide_spread_are_uncertain() {
        let rule = Rule {
            threshold: 0.3,
            ..Rule::default()
        };
        assert_eq!(doubted(rule, &[0.6, 0.4]), Some(0));
        assert_eq!(doubted(rule, &[0.65, 0.35]), None);
        let long_tail: Vec<f32> = [0.7].into_iter().chain([0.003; 100]).collect();
        assert_eq!(doubted(rule, &long_tail), Some(0));
        let unlimited = Rule {
            spread: 0.0,
            ..rule
        };
        assert_eq!(doubted(unlimited, &long_tail), None);
    }

    #[test]
    fn a_threshold_of_one_leaves_certainty_possible() {
        let rule = Rule {
            threshold: 1.0,
            ..Rule::default()
        };
        assert_eq!(doubted(rule, &[1.0, 0.0]), None);
        assert_eq!(doubted(rule, &[0.99, 0.01]), Some(0));
    }
}
