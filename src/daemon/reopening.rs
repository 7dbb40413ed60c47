//! When a camera that repeats the same picture is opened again.

use std::time::{Duration, Instant};

/// The longest pause between two tries.
const LONGEST: Duration = Duration::from_secs(3600);

/// The tries to free a camera that is stuck. Each pause is twice as long as the one before: a camera
/// that looks at a still picture is left in peace.
#[derive(Debug, Default)]
pub(super) struct Reopening {
    tries: u32,
    next: Option<Instant>,
}

impl Reopening {
    /// Whether the camera is to be opened again at `now`, if it `is_stuck`, of which `patience` is
    /// the usual time.
    pub fn is_due(&mut self, is_stuck: bool, patience: Duration, now: Instant) -> bool {
        if !is_stuck {
            *self = Self::default();
            return false;
        }
        if self.next.is_some_and(|next| now < next) {
            return false;
        }
        self.tries = self.tries.saturating_add(1);
        let pause = patience.saturating_mul(1 << self.tries.min(16));
        self.next = Some(now + pause.min(LONGEST.max(patience)));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_between_tries_double_until_pictures_change() {
        let mut reopening = Reopening::default();
        let (start, patience) = (Instant::now(), Duration::from_secs(30));
        let mut due = |second, is_stuck| {
            reopening.is_due(is_stuck, patience, start + Duration::from_secs(second))
        };
        let tries: Vec<u64> = (0..20_000).filter(|second| due(*second, true)).collect();
        assert_eq!(tries[..8], [0, 60, 180, 420, 900, 1860, 3780, 7380]);
        assert!(!due(20_000, false));
        assert!(due(20_001, true) && !due(20_060, true) && due(20_061, true));
    }
}
