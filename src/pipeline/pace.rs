//! Holding frames to the clock of their source.

use std::thread;
use std::time::{Duration, Instant};

use crate::signals::Stop;

/// The longest sleep before the end is looked for again.
const SLICE: Duration = Duration::from_millis(100);

/// A source's clock, which began at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    begun: Instant,
}

impl Pace {
    /// A clock that began at `begun`.
    pub(crate) const fn from(begun: Instant) -> Self {
        Self { begun }
    }

    /// Sleeps until `elapsed` of the source's clock, or until the end is asked for. `alive` is
    /// called at each sleep.
    pub(crate) fn wait(&self, elapsed: Duration, stop: &Stop, mut alive: impl FnMut()) {
        while !stop.requested() {
            let left = elapsed.saturating_sub(self.begun.elapsed());
            if left.is_zero() {
                return;
            }
            alive();
            thread::sleep(left.min(SLICE));
        }
    }

    /// How long ago `elapsed` of the source's clock was.
    pub(crate) fn age(&self, elapsed: Duration) -> Duration {
        self.begun.elapsed().saturating_sub(elapsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_waits_for_its_time_unless_the_end_is_requested() {
        let pace = Pace::from(Instant::now());
        let (due, stop) = (Duration::from_millis(250), Stop::default());
        let mut sleeps = 0;
        pace.wait(due, &stop, || sleeps += 1);
        let age = pace.age(due);
        assert!(sleeps >= 3, "{sleeps}");
        assert!(age < Duration::from_secs(5), "{age:?}");

        stop.request();
        let start = Instant::now();
        pace.wait(Duration::from_secs(60), &stop, || ());
        assert!(start.elapsed() < Duration::from_secs(5));
    }
}
