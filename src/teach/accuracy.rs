//! How good a head is, from left-out outputs.

use super::bursts::Lessons;
use crate::engine::Class;

/// Bursts that are compared with as many other pictures at most: the interval is one for the
/// accuracy on so many, which is known less well than that on all there are.
const OTHERS: f64 = 50.0;
/// Share of cases that the interval leaves out on either side.
const TAIL: f64 = 0.025;

/// What left-out outputs tell.
#[derive(Clone, Debug)]
pub(super) struct Told {
    /// For each label, in the order of [`Lessons::labels`].
    pub classes: Vec<Class>,
    /// Balanced accuracy; None if no label has two bursts.
    pub accuracy: Option<f64>,
    pub interval: [f64; 2],
    /// Of each label, how many left-out examples were told to be of each other one.
    pub confusions: Vec<Vec<usize>>,
}

impl Told {
    /// From outputs, a row of one for each label an example.
    pub fn of(lessons: &Lessons, outputs: &[f64]) -> Self {
        let labels = lessons.labels.len();
        let bursts: Vec<usize> = (0..labels).map(|kind| lessons.bursts_of(kind)).collect();
        let mut confusions = vec![vec![0; labels]; labels];
        for (i, row) in outputs.chunks_exact(labels).enumerate() {
            if bursts[lessons.kinds[i]] > 1 {
                confusions[lessons.kinds[i]][best(row)] += 1;
            }
        }
        let share = |kind: usize| {
            let told: usize = confusions[kind].iter().sum();
            (told > 0).then(|| confusions[kind][kind] as f64 / told as f64)
        };
        let shares: Vec<Option<f64>> = (0..labels).map(share).collect();
        let class = |kind: usize| Class {
            label: lessons.label(kind).into(),
            examples: count(lessons.segments[kind].len()),
            bursts: count(bursts[kind]),
            accuracy: shares[kind].map(|share| share as f32),
            confused_with: most_confused(&confusions[kind], kind)
                .map(|other| lessons.label(other).into()),
        };
        let tested: Vec<usize> = (0..labels).filter(|&kind| bursts[kind] > 1).collect();
        let sum: f64 = shares.iter().flatten().sum();
        let accuracy = (!tested.is_empty()).then(|| sum / tested.len() as f64);
        let tested: Vec<usize> = tested.iter().map(|&kind| bursts[kind]).collect();
        Self {
            classes: (0..labels).map(class).collect(),
            accuracy,
            interval: accuracy.map_or([0.0, 1.0], |a| interval(a, &tested, labels)),
            confusions,
        }
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// The place of the largest; of equal ones the first.
pub(super) fn best(row: &[f64]) -> usize {
    (1..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best })
}

/// The other label that was told most often.
fn most_confused(told: &[usize], kind: usize) -> Option<usize> {
    let others = (0..told.len()).filter(|&other| other != kind && told[other] > 0);
    others.reduce(|most, other| {
        if told[other] > told[most] {
            other
        } else {
            most
        }
    })
}

/// The interval that holds the accuracy on other pictures in 95 of 100 cases.
///
/// Bursts are what was drawn, so they are the trials: as many as give a balanced accuracy the same
/// variance as labels with `bursts` each. After them and Jeffreys' prior, the accuracy on as many
/// other pictures has a beta-binomial distribution, whose quantiles are the ends. The upper end
/// goes up by its distance to 1 over the bursts of a label, because a head that lacks one of few
/// bursts is worse than the one that has all. Labels that could not be tested may all be right or
/// wrong.
fn interval(accuracy: f64, bursts: &[usize], labels: usize) -> [f64; 2] {
    let tested = bursts.len() as f64;
    let inverse: f64 = bursts.iter().map(|&b| 1.0 / b as f64).sum();
    let trials = tested * tested / inverse;
    let others = trials.min(OTHERS).round().max(1.0);
    let (a, b) = (accuracy * trials + 0.5, (1.0 - accuracy) * trials + 0.5);
    let mut weights = vec![1.0];
    let mut weight = 1.0;
    for j in 0..others as usize {
        let j = j as f64;
        weight *= (others - j) / (j + 1.0) * (a + j) / (b + others - j - 1.0);
        weights.push(weight);
    }
    let all: f64 = weights.iter().sum();
    let at = |tail: f64| {
        let mut sum = 0.0;
        let passed = weights.iter().position(|w| {
            sum += w;
            sum >= tail * all
        });
        passed.map_or(1.0, |j| j as f64 / others)
    };
    let (low, high) = (at(TAIL).min(accuracy), at(1.0 - TAIL).max(accuracy));
    let high = high + (1.0 - high) * inverse / tested;
    let known = tested / labels as f64;
    [low * known, high * known + 1.0 - known]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_holds_the_accuracy_and_narrows_with_bursts() {
        let mut before = 1.0;
        for bursts in [2, 5, 20, 50] {
            for accuracy in [0.0, 0.5, 0.93, 1.0] {
                let [low, high] = interval(accuracy, &[bursts; 5], 5);
                assert!(0.0 <= low && low <= accuracy && accuracy <= high && high <= 1.0);
            }
            let [low, high] = interval(0.93, &[bursts; 5], 5);
            assert!(high - low < before, "{bursts}: {low} {high}");
            before = high - low;
        }
        assert_eq!(interval(1.0, &[20; 5], 5)[1], 1.0);
    }

    #[test]
    fn labels_that_could_not_be_tested_widen_the_interval() {
        let [low, high] = interval(0.9, &[20; 2], 2);
        let wider = interval(0.9, &[20; 2], 4);
        assert_eq!(wider, [low * 0.5, high * 0.5 + 0.5]);
    }

    #[test]
    fn the_fewest_trials_give_a_finite_interval() {
        let [low, high] = interval(0.5, &[2], 1);
        assert!(low == 0.0 && high == 1.0, "{low} {high}");
    }
}
