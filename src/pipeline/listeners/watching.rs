//! News for a view on a terminal.

use std::fmt::Display;
use std::io;
use std::time::{Duration, Instant};

use crate::frame::Frame;
use crate::meter::Tally;
use crate::meter::timing::Stages;
use crate::observe::scores::rank;
use crate::observe::{Ranked, Update};
use crate::pipeline::{Listener, Outcome, Passed};
use crate::watch::Watch;

/// The time between two readings of numbers that take longer to collect.
const NUMBERS: Duration = Duration::from_secs(1);

/// Shows what frames lead to, while they pass.
pub struct Watching {
    watch: Watch,
    top: usize,
    ranked: Vec<Ranked>,
    /// When numbers were told last.
    told: Option<Instant>,
}

impl Watching {
    /// Shows in `watch` the `top` best labels of a frame.
    pub(crate) fn new(watch: Watch, top: usize) -> Self {
        Self {
            watch,
            top,
            ranked: Vec::with_capacity(top),
            told: None,
        }
    }

    /// Whether all that was dropped, and the state of the source, are to be told again.
    pub(crate) fn wants_numbers(&mut self) -> bool {
        let now = Instant::now();
        let due = self
            .told
            .is_none_or(|told| now.saturating_duration_since(told) >= NUMBERS);
        if due {
            self.told = Some(now);
        }
        due
    }

    /// All that was dropped so far, and the state of the source.
    pub(crate) fn tell(&self, drops: Tally, source: &str) {
        let mut state = self.watch.state();
        state.set_drops(drops);
        state.set_source(source);
    }
}

impl Listener for Watching {
    fn outcome(&mut self, outcome: &Outcome<'_>, _: &mut Stages) -> io::Result<()> {
        let mut state = self.watch.state();
        match (&outcome.update, outcome.hashes.region) {
            (Some(Update::Change { statement, .. } | Update::Return(statement)), region) => {
                match region {
                    Some(region) => {
                        let label = format!("{region}: {}", statement.label);
                        state.changed(&label, statement.score);
                    }
                    None => state.changed(statement.label, statement.score),
                }
            }
            // Of several labels, the one shown is the last that changed.
            (Some(Update::Heartbeat(statement)), None) => state.confirmed(statement.score),
            (Some(Update::Heartbeat(_)), Some(_)) | (None, _) => {}
        }
        if state.wants_top() {
            rank(outcome.scores, self.top, &mut self.ranked);
            let named = self.ranked.iter();
            state.set_top(named.map(|r| (outcome.labels[r.index].as_str(), r.score)));
        }
        Ok(())
    }

    fn passed(&mut self, frame: &Frame, passed: Passed) {
        let classified = matches!(passed, Passed::Classified { .. });
        let mut state = self.watch.state();
        state.frame(frame.captured.elapsed, classified);
    }

    fn bad_frame(&mut self, _: &Frame, cause: &'static str, _: &dyn Display) -> io::Result<()> {
        self.watch.state().dropped(cause, 1);
        Ok(())
    }

    fn lost(&mut self, count: u64, cause: &'static str) {
        self.watch.state().dropped(cause, count);
    }
}
