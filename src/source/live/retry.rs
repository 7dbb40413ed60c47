//! The pauses between two starts of a live source.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// How long the pauses are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pauses {
    /// The first one, at most.
    pub first: Duration,
    /// The longest one.
    pub longest: Duration,
    /// How long frames must have come until the next pause is the first one again.
    pub good: Duration,
}

impl Default for Pauses {
    /// The longest is short enough for pictures to be back five seconds after a network camera is.
    fn default() -> Self {
        Self {
            first: Duration::from_millis(500),
            longest: Duration::from_secs(2),
            good: Duration::from_secs(60),
        }
    }
}

/// Pauses that double with each failure. Half of each is random, so that many devices do not
/// start all at once after the power comes back.
#[derive(Clone, Debug)]
pub(in crate::source) struct Retry {
    pauses: Pauses,
    next: Duration,
}

impl Retry {
    pub fn new(pauses: Pauses) -> Self {
        Self {
            pauses,
            next: pauses.first,
        }
    }

    /// The pause after a try that gave frames for the time `good`.
    pub fn pause(&mut self, good: Duration) -> Duration {
        self.pause_for(good, RandomState::new().hash_one(0))
    }

    /// The same for a given random number.
    fn pause_for(&mut self, good: Duration, random: u64) -> Duration {
        if good >= self.pauses.good {
            self.next = self.pauses.first;
        }
        let pause = self.next.min(self.pauses.longest);
        self.next = (pause * 2).min(self.pauses.longest);
        let share = (random >> 11) as f64 / (1u64 << 53) as f64;
        pause / 2 + (pause / 2).mul_f64(share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_half_of_each_is_random() {
        let mut retry = Retry::new(Pauses::default());
        let short = Duration::from_secs(59);
        let millis = |retry: &mut Retry, random| retry.pause_for(short, random).as_millis();
        assert_eq!(millis(&mut retry, 0), 250);
        assert_eq!(millis(&mut retry, u64::MAX), 1000);
        assert_eq!(millis(&mut retry, 0), 1000);
        assert_eq!(millis(&mut retry, u64::MAX), 2000);
        assert_eq!(millis(&mut retry, u64::MAX), 2000);
        assert!((1000..2000).contains(&retry.pause(short).as_millis()));
    }

    #[test]
    fn a_good_minute_makes_the_next_pause_the_first() {
        let mut retry = Retry::new(Pauses::default());
        for _ in 0..5 {
            retry.pause(Duration::ZERO);
        }
        let good = Duration::from_secs(60);
        assert_eq!(retry.pause_for(good, 0).as_millis(), 250);
        assert_eq!(retry.pause_for(Duration::ZERO, 0).as_millis(), 500);
    }
}
