//! How often pictures are kept.

use std::time::Duration;

/// By how much the pause between pictures of uncertain moments can grow.
const LONGEST: u32 = 64;

/// Keeps pictures apart in time. All times are of the source's clock.
///
/// A change and an uncertain moment do not wait for each other. While the published label stays,
/// the pause after each uncertain picture is twice the one before: a scene that is uncertain for
/// hours must not push out all that is older.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pace {
    interval: Duration,
    changed: Option<Duration>,
    uncertain: Option<Duration>,
    /// The present pause after an uncertain moment, in intervals.
    pause: u32,
}

impl Pace {
    /// Keeps pictures of one kind at least `seconds` apart.
    pub(super) fn new(seconds: f64) -> Self {
        Self {
            interval: interval(seconds),
            changed: None,
            uncertain: None,
            pause: 1,
        }
    }

    /// Goes on with another interval.
    pub(super) fn set_interval(&mut self, seconds: f64) {
        self.interval = interval(seconds);
    }

    /// Whether a change at `now` may be kept.
    pub(super) fn change_is_due(&self, now: Duration) -> bool {
        is_over(self.changed, self.interval, now)
    }

    /// Whether an uncertain moment at `now` may be kept.
    pub(super) fn doubt_is_due(&self, now: Duration) -> bool {
        is_over(
            self.uncertain,
            self.interval.saturating_mul(self.pause),
            now,
        )
    }

    /// The label changed.
    pub(super) fn changed(&mut self) {
        self.pause = 1;
    }

    /// The change at `now` is kept.
    pub(super) fn keep_change(&mut self, now: Duration) {
        self.changed = Some(now);
    }

    /// The uncertain moment at `now` is kept.
    pub(super) fn keep_doubt(&mut self, now: Duration) {
        if self.uncertain.replace(now).is_some() {
            self.pause = (2 * self.pause).min(LONGEST);
        }
    }
}

fn interval(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

/// Whether `pause` has passed since `last`. A clock that went back, as at the start of another
/// recording, ends a pause.
fn is_over(last: Option<Duration>, pause: Duration, now: Duration) -> bool {
    last.and_then(|last| now.checked_sub(last))
        .is_none_or(|passed| passed >= pause)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn changes_keep_their_distance_whatever_else_is_kept() {
        let mut pace = Pace::new(60.0);
        assert!(pace.change_is_due(at(5)));
        pace.keep_change(at(5));
        assert!(pace.doubt_is_due(at(5)));
        assert!(!pace.change_is_due(at(64)) && pace.change_is_due(at(65)));
        assert!(pace.change_is_due(at(4)), "the clock went back");
    }

    #[test]
    fn a_label_that_stays_uncertain_is_kept_ever_more_rarely() {
        let mut pace = Pace::new(10.0);
        let kept = |pace: &mut Pace, times: std::ops::Range<u64>| {
            let due = |second: &u64| {
                let due = pace.doubt_is_due(at(*second));
                if due {
                    pace.keep_doubt(at(*second));
                }
                due
            };
            times.filter(due).collect::<Vec<_>>()
        };
        assert_eq!(kept(&mut pace, 0..200), [0, 10, 30, 70, 150]);
        let day = kept(&mut pace, 200..86_400).len();
        assert!((130..=140).contains(&day), "{day}");
        pace.changed();
        assert_eq!(kept(&mut pace, 90_000..90_031), [90_000, 90_020]);
    }
}
