//! How the camera is, for those who tell others.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::counters::FrameCounters;
use super::loss::{Cause, Loss};
use super::mode::Mode;
use crate::frame::Captured;
use crate::meter::Tally;

/// How many changes are kept for those who look seldom.
const KEPT: usize = 8;

/// Whether pictures come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceState {
    /// They do.
    Streaming,
    /// They do not.
    Lost,
}

/// How the camera is.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Whether pictures come.
    pub state: SourceState,
    /// Why not, while it is lost.
    pub loss: Option<Loss>,
    /// Since when.
    #[serde(skip)]
    pub since: Captured,
    /// The node that is or was open.
    pub device: Option<String>,
    /// The card's name.
    pub card: Option<String>,
    /// How its frames are read.
    pub mode: Option<Mode>,
    /// The driver's buffers, which count as this process's memory: how many.
    pub buffers: usize,
    /// And how many bytes in all.
    pub buffer_bytes: usize,
    /// What is not as it was asked for, a line each.
    pub remarks: Vec<String>,
    /// What became of the frames.
    pub counters: FrameCounters,
    /// How often it was opened.
    pub opens: u64,
    /// How often it was lost after it had streamed.
    pub losses: u64,
}

impl Status {
    /// Before the first attempt.
    pub(super) fn new() -> Self {
        Self {
            state: SourceState::Lost,
            loss: Some(Loss::new(Cause::Opening, "the camera is being opened")),
            since: Captured {
                elapsed: Duration::ZERO,
                wall: SystemTime::now(),
            },
            device: None,
            card: None,
            mode: None,
            buffers: 0,
            buffer_bytes: 0,
            remarks: Vec::new(),
            counters: FrameCounters::default(),
            opens: 0,
            losses: 0,
        }
    }
}

/// The status as other threads see it, while the camera itself belongs to the one that captures.
#[derive(Clone, Debug)]
pub struct Monitor(Arc<Mutex<Known>>);

#[derive(Debug)]
struct Known {
    status: Status,
    /// The last changes, each with its number, oldest first. There is always one.
    changes: VecDeque<(u64, Status)>,
}

impl Monitor {
    /// Of a source that is no camera and is never lost; `what` it is stands in the place of the
    /// card's name.
    pub fn steady(what: &str) -> Self {
        Self::new(&Status {
            state: SourceState::Streaming,
            loss: None,
            card: Some(what.into()),
            ..Status::new()
        })
    }

    pub(super) fn new(status: &Status) -> Self {
        Self(Arc::new(Mutex::new(Known {
            status: status.clone(),
            changes: VecDeque::from([(1, status.clone())]),
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the camera is now.
    pub fn status(&self) -> Status {
        self.lock().status.clone()
    }

    /// Whether pictures come.
    pub fn state(&self) -> SourceState {
        self.lock().status.state
    }

    /// What became of the frames up to now.
    pub fn counters(&self) -> FrameCounters {
        self.lock().status.counters.clone()
    }

    /// How the camera was after the first change that is newer than `seen`, which begins at 0 and
    /// is moved on; none if there is no newer one. Changes are of more than the counters; the last
    /// one comes with the counters of now.
    ///
    /// So a loss that is over before anybody looks is told all the same. Of many, the last eight
    /// are kept, and of the same loss met again and again only the last.
    pub fn change(&self, seen: &mut u64) -> Option<Status> {
        let known = self.lock();
        let (number, status) = known.changes.iter().find(|(number, _)| number > seen)?;
        *seen = *number;
        let last = known.changes.back().is_some_and(|(last, _)| last == number);
        Some(if last { &known.status } else { status }.clone())
    }

    /// Takes note of what a source that is no camera could not read; a camera tells it by itself.
    pub fn note_bad(&self, bad: &Tally) {
        let mut known = self.lock();
        if known.status.counters.bad.total() != bad.total() {
            known.status.counters.bad.clone_from(bad);
        }
    }

    /// Makes `status` known: all of it if it `changed`, else its counters, which allocates nothing.
    pub(super) fn tell(&self, status: &Status, changed: bool) {
        let mut known = self.lock();
        if !changed {
            known.status.counters.follow(&status.counters);
            return;
        }
        known.status = status.clone();
        let last = known.changes.back();
        let again = last.is_some_and(|(_, last)| last.loss == status.loss);
        let number = last.map_or(1, |(number, _)| number + 1);
        if again {
            known.changes.pop_back();
        } else if known.changes.len() == KEPT {
            known.changes.pop_front();
        }
        known.changes.push_back((number, status.clone()));
    }
}
