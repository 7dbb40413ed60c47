//! The pause before the next try to connect, and a limit for the log lines about it.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

/// The shortest pause.
const FIRST: Duration = Duration::from_secs(1);

/// The longest pause where nothing answers: a broker that comes back is found soon.
pub(super) const UNREACHABLE: Duration = Duration::from_secs(10);

/// The longest pause where a broker refuses this client: each try costs it work and a log line.
pub(super) const REFUSED: Duration = Duration::from_secs(60);

/// Pauses that double with each try. Jitter keeps the clients of a restarted broker from connecting
/// all at once.
#[derive(Clone, Debug, Default)]
pub(super) struct Backoff {
    tries: u32,
}

impl Backoff {
    /// The next pause: after `n` tries between 2^n and 2^(n+1) seconds, at most `longest`. It began
    /// with the last try, which `took` so long: an address at which nothing answers takes seconds
    /// to fail. At least a second remains.
    pub(super) fn next(&mut self, longest: Duration, took: Duration) -> Duration {
        let pause = self.pause(longest, RandomState::new().build_hasher().finish());
        pause.saturating_sub(took).max(FIRST)
    }

    /// The next pause for a given random number.
    fn pause(&mut self, longest: Duration, random: u64) -> Duration {
        let low = FIRST.saturating_mul(1 << self.tries).min(longest / 2);
        // 2^5 seconds already exceed half of the longest pause.
        self.tries = (self.tries + 1).min(5);
        low + low.mul_f64((random >> 11) as f64 / (1u64 << 53) as f64)
    }

    /// Starts again with the shortest pause.
    pub(super) fn reset(&mut self) {
        self.tries = 0;
    }
}

/// Allows a log line when it differs from the last one, and otherwise once a minute.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogLimit {
    last: Option<(String, Instant)>,
}

impl LogLimit {
    /// Whether `message` should be logged at `now`.
    pub(crate) fn allows(&mut self, message: &str, now: Instant) -> bool {
        if let Some((last, when)) = &self.last
            && last == message
            && now.saturating_duration_since(*when) < Duration::from_secs(60)
        {
            return false;
        }
        self.last = Some((message.into(), now));
        true
    }

    /// Forgets the last message: the connection works again, so the same failure would be news.
    pub(super) fn reset(&mut self) {
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        for (longest, lows) in [
            (REFUSED, [1, 2, 4, 8, 16, 30, 30]),
            (UNREACHABLE, [1, 2, 4, 5, 5, 5, 5]),
        ] {
            for random in [0, u64::MAX / 2, u64::MAX] {
                let mut backoff = Backoff::default();
                for low in lows {
                    let pause = backoff.pause(longest, random);
                    let low = Duration::from_secs(low);
                    assert!(pause >= low && pause <= low * 2, "{pause:?} at {low:?}");
                }
                backoff.reset();
                assert!(backoff.pause(longest, random) <= FIRST * 2);
            }
        }
    }

    #[test]
    fn jitter_differs_from_one_client_to_the_next() {
        let pauses: Vec<_> = (0..8)
            .map(|_| Backoff::default().next(REFUSED, Duration::ZERO))
            .collect();
        assert!(pauses.iter().any(|p| *p != pauses[0]), "{pauses:?}");
    }

    #[test]
    fn a_try_that_takes_long_is_part_of_the_pause() {
        let took = Duration::from_secs(5);
        let mut backoff = Backoff::default();
        for _ in 0..20 {
            let pause = backoff.next(UNREACHABLE, took);
            assert!(pause >= FIRST, "{pause:?}");
            assert!(took + pause <= UNREACHABLE, "{pause:?}");
        }
    }

    #[test]
    fn the_same_line_is_logged_once_a_minute() {
        let mut limit = LogLimit::default();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(limit.allows("refused", at(0)));
        assert!(!limit.allows("refused", at(1)));
        assert!(!limit.allows("refused", at(59)));
        assert!(limit.allows("refused", at(60)));
    }

    #[test]
    fn another_line_is_logged_at_once() {
        let mut limit = LogLimit::default();
        let now = Instant::now();
        assert!(limit.allows("refused", now));
        assert!(limit.allows("no route", now));
        assert!(!limit.allows("no route", now));
    }

    #[test]
    fn the_same_line_is_logged_again_after_a_reset() {
        let mut limit = LogLimit::default();
        let now = Instant::now();
        assert!(limit.allows("refused", now));
        limit.reset();
        assert!(limit.allows("refused", now));
    }
}
