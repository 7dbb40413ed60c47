//! What is published of each region beside its label.

use crate::pipeline::Pipeline;
use crate::publish::{RegionHealth, RegionSettings};

/// What each region of `pipeline` cost; nothing without regions.
pub(super) fn cost(pipeline: &Pipeline) -> Vec<RegionHealth<'_>> {
    let looks = pipeline.looks().filter_map(|look| {
        let cost = look.cost?;
        Some(RegionHealth {
            name: look.hashes.region?,
            inferences: cost.inferences,
            still: cost.still,
            no_turn: cost.passed,
            look_ms: cost.times.percentiles(),
            head: look.hashes.head,
        })
    });
    looks.collect()
}

/// What holds in each region of `pipeline`; nothing without regions.
pub(super) fn settings(pipeline: &Pipeline) -> Vec<RegionSettings<'_>> {
    let looks = pipeline.looks().filter_map(|look| {
        Some(RegionSettings {
            name: look.hashes.region?,
            threshold: look.rule.threshold,
            head: look.hashes.head,
            labels: look.labels().count(),
        })
    });
    looks.collect()
}
