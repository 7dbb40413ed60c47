//! What a view shows.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::meter::Tally;

/// The events that are shown.
const EVENTS: usize = 5;
/// The time over which rates are measured.
const RATE: Duration = Duration::from_secs(2);

/// The counts of a moment.
#[derive(Clone, Copy, Debug)]
struct Counts {
    at: Instant,
    frames: u64,
    classified: u64,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    /// When, by the source's clock.
    pub at: Duration,
    pub text: String,
}

/// What a view shows.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(super) title: String,
    /// Memory that is allowed, in MiB.
    pub(super) budget: u32,
    /// The number of frames, where it is known.
    pub(super) length: Option<u64>,
    /// The published label with its score and the moment of its change; none at first.
    pub(super) label: Option<(String, Option<f32>, Duration)>,
    /// The best labels of the last frame.
    pub(super) top: Vec<(String, f32)>,
    pub(super) frames: u64,
    classified: u64,
    /// The source's clock.
    pub(super) clock: Duration,
    /// What was dropped, by cause.
    pub(super) drops: Tally,
    /// The state of the source, where it has one.
    pub(super) source: String,
    pub(super) events: VecDeque<Event>,
    past: VecDeque<Counts>,
    /// Whether the view was drawn since the best labels were told.
    wanted: bool,
}

impl State {
    /// Nothing has happened yet.
    pub(super) fn new(title: &str, budget: u32, length: Option<u64>, now: Instant) -> Self {
        let start = Counts {
            at: now,
            frames: 0,
            classified: 0,
        };
        Self {
            title: title.into(),
            budget,
            length,
            label: None,
            top: Vec::new(),
            frames: 0,
            classified: 0,
            clock: Duration::ZERO,
            drops: Tally::new(),
            source: String::new(),
            events: VecDeque::with_capacity(EVENTS + 1),
            past: VecDeque::from([start]),
            wanted: true,
        }
    }

    /// A frame passed at this time of the source's clock.
    pub(crate) fn frame(&mut self, clock: Duration, classified: bool) {
        self.frames += 1;
        self.classified += u64::from(classified);
        self.clock = clock;
    }

    /// `count` frames were dropped for this cause.
    pub(crate) fn dropped(&mut self, cause: &'static str, count: u64) {
        self.drops.add_many(cause, count);
    }

    /// All that was dropped so far.
    pub(crate) fn set_drops(&mut self, drops: Tally) {
        self.drops = drops;
    }

    /// The label changed.
    pub(crate) fn changed(&mut self, label: &str, score: Option<f32>) {
        self.label = Some((label.into(), score, self.clock));
        let score = score.map(|score| format!(" {score:.2}"));
        self.event(format!("{label}{}", score.unwrap_or_default()));
    }

    /// The label is the same, and its score is this.
    pub(crate) fn confirmed(&mut self, score: Option<f32>) {
        if let Some((_, old, _)) = &mut self.label {
            *old = score;
        }
    }

    /// The source is in this state.
    pub(crate) fn set_source(&mut self, source: &str) {
        if self.source == source {
            return;
        }
        if !self.source.is_empty() {
            self.event(source.into());
        }
        self.source.clear();
        self.source.push_str(source);
    }

    fn event(&mut self, text: String) {
        self.events.push_back(Event {
            at: self.clock,
            text,
        });
        if self.events.len() > EVENTS {
            self.events.pop_front();
        }
    }

    /// Whether the best labels are wanted: they have been drawn since they were told.
    pub(crate) fn wants_top(&self) -> bool {
        self.wanted
    }

    /// The best labels of a frame, best first.
    pub(crate) fn set_top<'a>(&mut self, top: impl Iterator<Item = (&'a str, f32)>) {
        self.top.clear();
        self.top
            .extend(top.map(|(label, score)| (label.to_string(), score)));
        self.wanted = false;
    }

    /// Frames a second, and those of them that were classified, of the last while. The view is drawn
    /// `now`.
    pub(super) fn rates(&mut self, now: Instant) -> (f64, f64) {
        self.wanted = true;
        let counts = Counts {
            at: now,
            frames: self.frames,
            classified: self.classified,
        };
        let old = |past: &Counts| now.saturating_duration_since(past.at) > RATE;
        // One that is old enough stays, to measure from.
        while self.past.len() > 1 && self.past.get(1).is_some_and(old) {
            self.past.pop_front();
        }
        let first = self.past.front().copied().unwrap_or(counts);
        self.past.push_back(counts);
        let seconds = now.saturating_duration_since(first.at).as_secs_f64();
        let rate = |now: u64, then: u64| (now - then) as f64 / seconds.max(1e-3);
        (
            rate(self.frames, first.frames),
            rate(self.classified, first.classified),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_of_the_last_two_seconds() {
        let begun = Instant::now();
        let mut state = State::new("door", 48, None, begun);
        let mut last = (0.0, 0.0);
        for tenth in 1..=100_u32 {
            // Ten a second at first, then twenty, of which every second is classified.
            for half in 0..=u32::from(tenth > 50) {
                state.frame(Duration::from_millis(100) * tenth, half == 0);
            }
            last = state.rates(begun + Duration::from_millis(100) * tenth);
            assert!(state.past.len() < 25, "{}", state.past.len());
            if tenth == 50 {
                assert!((last.0 - 10.0).abs() < 0.5, "{last:?}");
            }
        }
        assert!(
            (last.0 - 20.0).abs() < 1.0 && (last.1 - 10.0).abs() < 0.5,
            "{last:?}"
        );
    }

    #[test]
    fn the_last_events_are_kept() {
        let mut state = State::new("door", 48, None, Instant::now());
        state.set_source("streaming");
        for n in 0..7 {
            state.changed(&format!("label {n}"), Some(0.5));
        }
        state.set_source("lost");
        state.set_source("lost");
        let texts: Vec<&str> = state.events.iter().map(|e| e.text.as_str()).collect();
        assert_eq!(texts[3..], ["label 6 0.50", "lost"]);
        assert_eq!(texts.len(), EVENTS);
        assert!(state.wants_top());
        state.set_top([("a", 0.5)].into_iter());
        assert!(!state.wants_top());
    }
}
