//! A limit for how often something may happen.

use std::time::Instant;

/// Allows some at once, and then as many a second as come back.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    most: f64,
    per_second: f64,
    left: f64,
    filled: Option<Instant>,
}

impl Bucket {
    /// Full, with room for `most`.
    pub(super) fn new(most: u32, per_second: f64) -> Self {
        Self {
            most: most.into(),
            per_second,
            left: most.into(),
            filled: None,
        }
    }

    /// Whether it may happen at `now`.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let since = self.filled.map_or(0.0, |filled| {
            now.saturating_duration_since(filled).as_secs_f64()
        });
        self.filled = Some(now);
        self.left = (self.left + since * self.per_second).min(self.most);
        let allowed = self.left >= 1.0;
        if allowed {
            self.left -= 1.0;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_is_allowed_and_then_so_many_a_second() {
        let start = Instant::now();
        let mut bucket = Bucket::new(20, 5.0);
        let mut at = |millis| bucket.take(start + Duration::from_millis(millis));
        let allowed = (0..10_000).filter(|n| at(n / 10)).count();
        // A second in which ten thousand come.
        assert_eq!(allowed, 20 + 4);
        assert!(at(1010) && !at(1011));
        assert!(at(3_600_000));
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing() {
        let start = Instant::now() + Duration::from_secs(10);
        let mut bucket = Bucket::new(1, 1.0);
        assert!(bucket.take(start));
        assert!(!bucket.take(start - Duration::from_secs(5)));
        assert!(!bucket.take(start - Duration::from_secs(5)));
    }
}
