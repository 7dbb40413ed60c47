//! The pause before the next try to connect, and a limit for the log lines about it.

use std::time::{Duration, Instant};

use super::rota::random;

/// The shortest pause.
const FIRST: Duration = Duration::from_secs(1);

/// The longest pause where nothing answers: a broker that comes back is found soon.
pub(super) const UNREACHABLE: Duration = Duration::from_secs(10);

/// The longest pause where a broker refuses this client: each try costs it work and a log line.
pub(super) const REFUSED: Duration = Duration::from_secs(60);

/// Pauses that double with each round of tries. They are random, and so is the `jitter` on top of
/// them, so that the clients of a restarted broker do not connect all at once.
#[derive(Clone, Debug, Default)]
pub(super) struct Backoff {
    rounds: u32,
    jitter: Duration,
}

impl Backoff {
    /// Pauses to which up to `jitter` is added.
    pub(super) fn new(jitter: Duration) -> Self {
        Self { rounds: 0, jitter }
    }

    /// The next pause: after `n` rounds between 2^n and 2^(n+1) seconds, at most `longest`, and the
    /// jitter. It began with the last try, which `took` so long: an address at which nothing
    /// answers takes seconds to fail. At least a second remains.
    pub(super) fn next(&mut self, longest: Duration, took: Duration) -> Duration {
        let pause = self.pause(longest, random());
        pause.saturating_sub(took).max(FIRST) + self.jitter.mul_f64(share(random()))
    }

    /// The next pause for a given random number.
    fn pause(&mut self, longest: Duration, random: u64) -> Duration {
        let low = FIRST.saturating_mul(1 << self.rounds).min(longest / 2);
        low + low.mul_f64(share(random))
    }

    /// Notes that every server was tried once more.
    pub(super) fn note_round(&mut self) {
        // 2^5 seconds already exceed half of the longest pause.
        self.rounds = (self.rounds + 1).min(5);
    }

    /// Starts again with the shortest pause.
    pub(super) fn reset(&mut self) {
        self.rounds = 0;
    }
}

/// A random number as a share of 1.
fn share(random: u64) -> f64 {
    (random >> 11) as f64 / (1u64 << 53) as f64
}

/// How many lines a [`LogLimit`] remembers.
const LINES: usize = 8;

/// Allows each log line once a minute. Of more than a few different ones it forgets the oldest.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogLimit {
    recent: Vec<(String, Instant)>,
}

impl LogLimit {
    /// Whether `message` should be logged at `now`.
    pub(crate) fn allows(&mut self, message: &str, now: Instant) -> bool {
        let fresh = |when: Instant| now.saturating_duration_since(when) < Duration::from_secs(60);
        self.recent.retain(|(_, when)| fresh(*when));
        if self.recent.iter().any(|(line, _)| line == message) {
            return false;
        }
        if self.recent.len() == LINES {
            self.recent.remove(0);
        }
        self.recent.push((message.into(), now));
        true
    }

    /// Forgets all lines: the connection has worked for long, so the same failure would be news.
    pub(super) fn reset(&mut self) {
        self.recent.clear();
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
                    backoff.note_round();
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
    fn jitter_that_is_set_spreads_every_pause() {
        let jitter = Duration::from_secs(100);
        let pauses = (0..64).map(|_| Backoff::new(jitter).next(REFUSED, Duration::ZERO));
        let (early, late): (Vec<_>, Vec<_>) = pauses.partition(|p| *p < jitter / 2);
        // The odds that one half of the time is empty are 1 in 2^63.
        assert!(!early.is_empty() && !late.is_empty());
        assert!(late.iter().all(|p| *p <= jitter + FIRST * 2), "{late:?}");
    }

    #[test]
    fn a_try_that_takes_long_is_part_of_the_pause() {
        let took = Duration::from_secs(5);
        let mut backoff = Backoff::default();
        for _ in 0..20 {
            let pause = backoff.next(UNREACHABLE, took);
            backoff.note_round();
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
        // In turns, as on a connection that is lost and found again and again.
        assert!(!limit.allows("refused", now));
        for n in 0..LINES {
            assert!(limit.allows(&n.to_string(), now));
        }
        assert!(limit.allows("refused", now));
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
