//! How long each stage takes: percentiles from a histogram of fixed size.

use std::time::Duration;

use serde::Serialize;

/// Buckets a factor of two is divided into: a percentile is right to within 2.2 %.
const PER_OCTAVE: usize = 32;
/// From 1 µs to over a minute.
const BUCKETS: usize = 27 * PER_OCTAVE;

/// A histogram of durations whose buckets grow geometrically.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Vec<u32>,
    total: u64,
    least: Duration,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            counts: vec![0; BUCKETS],
            total: 0,
            least: Duration::MAX,
        }
    }
}

/// Median, 95th percentile and least, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Percentiles {
    /// Median.
    pub(crate) p50: f64,
    /// 95th percentile.
    pub(crate) p95: f64,
    /// The least.
    pub(crate) min: f64,
}

impl Percentiles {
    /// Nothing was measured.
    fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl Histogram {
    /// Counts one duration.
    pub(crate) fn add(&mut self, took: Duration) {
        let micros = (took.as_nanos() as f64 / 1000.0).max(1.0);
        let bucket = (micros.log2() * PER_OCTAVE as f64) as usize;
        self.counts[bucket.min(BUCKETS - 1)] += 1;
        self.total += 1;
        self.least = self.least.min(took);
    }

    /// How many durations were counted.
    pub fn count(&self) -> u64 {
        self.total
    }

    /// Forgets all durations, and keeps the table.
    pub(crate) fn clear(&mut self) {
        self.counts.fill(0);
        self.total = 0;
        self.least = Duration::MAX;
    }

    /// Each bucket that has counted, the shortest durations first: its middle in milliseconds, and
    /// its count.
    pub(crate) fn spans(&self) -> impl Iterator<Item = (f64, u32)> {
        let counts = self.counts.iter().enumerate();
        counts
            .filter(|(_, count)| **count > 0)
            .map(|(bucket, count)| (middle(bucket), *count))
    }

    /// The duration that a share `p` of all do not exceed, in milliseconds.
    pub(crate) fn percentile(&self, p: f64) -> f64 {
        let wanted = (self.total as f64 * p).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (bucket, &count) in self.counts.iter().enumerate() {
            seen += u64::from(count);
            if seen >= wanted {
                return middle(bucket);
            }
        }
        0.0
    }

    /// The percentiles so far; zeros before the first duration.
    pub(crate) fn percentiles(&self) -> Percentiles {
        if self.total == 0 {
            return Percentiles::default();
        }
        let three = |ms: f64| (ms * 1000.0).round() / 1000.0;
        let min = self.least.as_secs_f64() * 1000.0;
        Percentiles {
            p50: three(self.percentile(0.5).max(min)),
            p95: three(self.percentile(0.95).max(min)),
            min: three(min),
        }
    }
}

/// The middle of a bucket, in milliseconds.
fn middle(bucket: usize) -> f64 {
    2f64.powf((bucket as f64 + 0.5) / PER_OCTAVE as f64) / 1000.0
}

/// One histogram a stage.
#[derive(Clone, Debug, Default)]
pub struct Stages {
    /// Deciding if a frame is worth an inference.
    pub gate: Histogram,
    /// Decoding, cropping, resizing and normalising.
    pub vision: Histogram,
    /// From the prepared input to logits.
    pub infer: Histogram,
    /// From logits to the published state.
    pub observe: Histogram,
    /// Handing messages to the publisher.
    pub(crate) publish: Histogram,
    /// From the capture of a frame, by the kernel's time stamp, until its message was handed to
    /// the publisher.
    pub(crate) latency: Histogram,
    /// Allocations of all threads during each stage, summed over all frames.
    pub allocations: StageCounts,
}

/// One count a stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StageCounts {
    /// Decoding, cropping, resizing and normalising.
    pub vision: u64,
    /// From the prepared input to logits.
    pub infer: u64,
    /// From logits to the published state.
    pub observe: u64,
    /// Handing messages to the publisher.
    pub(crate) publish: u64,
}

/// [`Stages`] as percentiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct StageTimes {
    /// Deciding if a frame is worth an inference; left out where there was no gate.
    #[serde(skip_serializing_if = "Percentiles::is_none")]
    pub gate: Percentiles,
    /// Decoding, cropping, resizing and normalising.
    pub vision: Percentiles,
    /// From the prepared input to logits.
    pub infer: Percentiles,
    /// From logits to the published state.
    pub observe: Percentiles,
    /// Handing messages to the publisher.
    pub(crate) publish: Percentiles,
    /// From the capture of a frame until its message was handed to the publisher; left out where
    /// it was not measured.
    #[serde(skip_serializing_if = "Percentiles::is_none")]
    pub(crate) latency: Percentiles,
}

impl Stages {
    /// Forgets all durations and counts.
    pub(crate) fn clear(&mut self) {
        for stage in [
            &mut self.gate,
            &mut self.vision,
            &mut self.infer,
            &mut self.observe,
            &mut self.publish,
            &mut self.latency,
        ] {
            stage.clear();
        }
        self.allocations = StageCounts::default();
    }

    /// All percentiles so far.
    pub(crate) fn times(&self) -> StageTimes {
        StageTimes {
            gate: self.gate.percentiles(),
            vision: self.vision.percentiles(),
            infer: self.infer.percentiles(),
            observe: self.observe.percentiles(),
            publish: self.publish.percentiles(),
            latency: self.latency.percentiles(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_within_a_bucket() {
        let mut h = Histogram::default();
        assert_eq!(h.percentiles(), Percentiles::default());
        for ms in 1..=1000 {
            h.add(Duration::from_millis(ms));
        }
        let p = h.percentiles();
        assert!((p.p50 / 500.0 - 1.0).abs() < 0.03, "{p:?}");
        assert!((p.p95 / 950.0 - 1.0).abs() < 0.03, "{p:?}");
        assert_eq!(p.min, 1.0);
    }

    #[test]
    fn extremes_stay_in_the_table() {
        let mut h = Histogram::default();
        h.add(Duration::ZERO);
        h.add(Duration::from_secs(10_000));
        assert!(h.percentiles().p95 > 1000.0);
        assert_eq!(h.spans().map(|(_, count)| count).sum::<u32>(), 2);
        h.clear();
        assert_eq!(h.percentiles(), Percentiles::default());
        assert_eq!(h.spans().count(), 0);
    }
}
