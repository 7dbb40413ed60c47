//! Temperature and rule, fitted on left-out outputs.

use super::accuracy::best;
use super::bursts::Lessons;
use super::kinds::{Kinds, Limit};
use crate::engine::Rule;

/// The temperature before anything is left out, and how many examples that counts as.
const USUAL: f64 = 0.08;
const USUAL_WEIGHT: f64 = 2.0;
/// Temperatures are tried from this on, each higher by a tenth: steps so large that the last bits
/// of an exponential, which differ between systems, decide nothing.
const FIRST: f64 = 0.02;
const STEPS: usize = 40;

/// Share of the left-out examples that were told right that the rule may leave unclaimed.
const UNCLAIMED: f64 = 0.03;

/// The temperature under which the left-out examples are most probable (Guo et al. 2017), every
/// label counting the same.
pub(super) fn temperature(lessons: &Lessons, outputs: &[f64]) -> f64 {
    let labels = lessons.labels.len();
    let rows: Vec<(usize, &[f64])> = tested(lessons, outputs).collect();
    let mut counts = vec![0_usize; labels];
    rows.iter().for_each(|(kind, _)| counts[*kind] += 1);
    let present = counts.iter().filter(|&&count| count > 0).count();
    let weight = |kind: usize| rows.len() as f64 / (present * counts[kind]) as f64;
    let cost = |temperature: f64| {
        let away = (temperature / USUAL).ln() / 0.5;
        let lost = rows.iter().map(|(kind, row)| {
            let top = row[best(row)];
            let sum: f64 = row.iter().map(|o| ((o - top) / temperature).exp()).sum();
            weight(*kind) * (sum.ln() - (row[*kind] - top) / temperature)
        });
        lost.sum::<f64>() + 0.5 * USUAL_WEIGHT * away * away
    };
    let mut chosen = (FIRST, f64::INFINITY);
    let mut temperature = FIRST;
    for _ in 0..STEPS {
        let cost = cost(temperature);
        if cost < chosen.1 {
            chosen = (temperature, cost);
        }
        temperature *= 1.1;
    }
    chosen.0
}

/// The rule that claims nearly all left-out examples that were told right and are familiar, within
/// bounds that a person would set.
pub(super) fn rule(
    lessons: &Lessons,
    outputs: &[f64],
    temperature: f64,
    kinds: &Kinds,
    limit: &Limit,
) -> Rule {
    let mut tops = Vec::new();
    let mut leads = Vec::new();
    let familiar = kinds.left_out.iter().flatten();
    for ((kind, row), cosine) in tested(lessons, outputs).zip(familiar) {
        let first = best(row);
        if first != kind || limit.familiarity(*cosine) < 0.5 {
            continue;
        }
        let share = |o: &f64| ((o - row[first]) / temperature).exp();
        let sum: f64 = row.iter().map(share).sum();
        let others = row.iter().enumerate().filter(|(label, _)| *label != first);
        let second = others.map(|(_, o)| share(o)).fold(0.0, f64::max);
        tops.push(1.0 / sum);
        leads.push((1.0 - second) / sum);
    }
    let threshold = low(tops).map_or(0.45, |t| t.clamp(0.4, 0.55)) as f32;
    Rule {
        threshold,
        release: 0.6 * threshold,
        margin: low(leads).map_or(0.05, |l| l.clamp(0.02, 0.1)) as f32,
    }
}

/// The quantile of [`UNCLAIMED`].
fn low(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let at = (UNCLAIMED * values.len() as f64) as usize;
    values.get(at).copied()
}

/// The label and the outputs of each example that could be left out.
fn tested<'a>(
    lessons: &'a Lessons,
    outputs: &'a [f64],
) -> impl Iterator<Item = (usize, &'a [f64])> {
    let rows = outputs.chunks_exact(lessons.labels.len());
    let many: Vec<bool> = (0..lessons.labels.len())
        .map(|kind| lessons.bursts_of(kind) > 1)
        .collect();
    let kinds = lessons.kinds.iter().copied();
    kinds.zip(rows).filter(move |(kind, _)| many[*kind])
}
