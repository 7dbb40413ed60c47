//! How long to wait before the next try, and how often to log about it.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

/// The shortest pause.
const FIRST: Duration = Duration::from_secs(1);

/// The longest pause.
pub(in crate::publish) const LONGEST: Duration = Duration::from_secs(60);

/// Pauses that double from try to try up to a minute, each with jitter, so that the clients of a
/// broker that was away do not come back all at once.
#[derive(Clone, Debug, Default)]
pub(in crate::publish) struct Backoff {
    tries: u32,
}

impl Backoff {
    /// The next pause: after `n` tries between 2^n and 2^(n+1) seconds, at most a minute.
    pub(in crate::publish) fn next(&mut self) -> Duration {
        self.pause(RandomState::new().build_hasher().finish())
    }

    /// The same, with the chance as a value.
    fn pause(&mut self, random: u64) -> Duration {
        let low = FIRST.saturating_mul(1 << self.tries).min(LONGEST / 2);
        // 2^5 seconds is past half of the longest pause.
        self.tries = (self.tries + 1).min(5);
        low + low.mul_f64((random >> 11) as f64 / (1u64 << 53) as f64)
    }

    /// Starts again with the shortest pause.
    pub(in crate::publish) fn reset(&mut self) {
        self.tries = 0;
    }
}

/// Lets a message through when it differs from the last one, and otherwise once a minute.
#[derive(Clone, Debug, Default)]
pub(in crate::publish) struct LogLimit {
    last: Option<(String, Instant)>,
}

impl LogLimit {
    /// Whether `message` is to be logged at `now`.
    pub(in crate::publish) fn lets(&mut self, message: &str, now: Instant) -> bool {
        if let Some((last, when)) = &self.last
            && last == message
            && now.saturating_duration_since(*when) < Duration::from_secs(60)
        {
            return false;
        }
        self.last = Some((message.into(), now));
        true
    }

    /// Forgets the last message: things are well again, and the same trouble would be news.
    pub(in crate::publish) fn reset(&mut self) {
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_minute_and_never_leave_their_range() {
        for random in [0, u64::MAX / 2, u64::MAX] {
            let mut backoff = Backoff::default();
            for low in [1, 2, 4, 8, 16, 30, 30, 30] {
                let pause = backoff.pause(random);
                let low = Duration::from_secs(low);
                assert!(pause >= low && pause <= low * 2, "{pause:?} at {low:?}");
            }
            backoff.reset();
            assert!(backoff.pause(random) <= FIRST * 2);
        }
    }

    #[test]
    fn jitter_differs_from_one_client_to_the_next() {
        let pauses: Vec<_> = (0..8).map(|_| Backoff::default().next()).collect();
        assert!(pauses.iter().any(|p| *p != pauses[0]), "{pauses:?}");
    }

    #[test]
    fn the_same_trouble_is_logged_once_a_minute_and_other_trouble_at_once() {
        let mut limit = LogLimit::default();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(limit.lets("refused", at(0)));
        assert!(!limit.lets("refused", at(1)));
        assert!(!limit.lets("refused", at(59)));
        assert!(limit.lets("refused", at(60)));
        assert!(limit.lets("no route", at(61)));
        assert!(!limit.lets("no route", at(62)));
        limit.reset();
        assert!(limit.lets("no route", at(63)));
    }
}
