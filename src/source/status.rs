//! The state of a source, shared with the threads that report it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::counters::FrameCounters;
use super::loss::{Cause, Loss};
use super::mode::Mode;
use crate::frame::Captured;
use crate::meter::Tally;

/// Changes that are kept for a slow reader.
const KEPT: usize = 8;

/// Whether the source delivers pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceState {
    /// It does.
    Streaming,
    /// It does not.
    Lost,
}

/// The state of a source, and everything about it that is reported.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Whether it delivers pictures.
    pub state: SourceState,
    /// The cause, while it is lost.
    pub loss: Option<Loss>,
    /// When it entered this state.
    #[serde(skip)]
    pub since: Captured,
    /// The node that is or was open.
    pub device: Option<String>,
    /// The card's name.
    pub card: Option<String>,
    /// The mode that the driver gave.
    pub mode: Option<Mode>,
    /// The driver's buffers, which count as this process's memory.
    pub buffers: usize,
    /// Bytes of all buffers.
    pub buffer_bytes: usize,
    /// Differences from the request, a line each.
    pub remarks: Vec<String>,
    /// Frames, by what happened to them.
    pub counters: FrameCounters,
    /// Number of opens.
    pub opens: u64,
    /// Number of losses while it streamed.
    pub losses: u64,
}

impl Status {
    /// The status before the first open.
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

    /// Notes that no frames come from `now` on. The same cause is logged once, however often it
    /// recurs.
    pub(super) fn lose(&mut self, loss: Loss, now: Captured) {
        if self.state == SourceState::Streaming {
            self.losses += 1;
            self.since = now;
        }
        let known = self.loss.as_ref();
        if known.is_none_or(|known| known.cause != loss.cause) {
            log::warn!("camera lost: {loss}");
        }
        self.state = SourceState::Lost;
        self.loss = Some(loss);
    }
}

/// The status, for other threads: the camera itself belongs to the capture thread.
#[derive(Clone, Debug)]
pub struct Monitor(Arc<Mutex<Known>>);

#[derive(Debug)]
struct Known {
    status: Status,
    /// Bytes that the memory budget leaves beside all that was counted.
    spare: usize,
    /// Whether the source is to be opened again.
    reopen: bool,
    /// The process that gives the pictures, while there is one.
    child: Option<u32>,
    /// The last changes, each with its number, oldest first; never empty.
    changes: VecDeque<(u64, Status)>,
}

impl Monitor {
    /// For a source that is not a camera and is never lost. `what` describes it, in place of the
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
            spare: usize::MAX,
            reopen: false,
            child: None,
            changes: VecDeque::from([(1, status.clone())]),
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the source take `spare` bytes beside what was counted for it. Before the first call it
    /// has no budget.
    pub(crate) fn allow(&self, spare: usize) {
        self.lock().spare = spare;
    }

    /// Bytes that the source may take beside what was counted for it.
    pub(super) fn spare(&self) -> usize {
        self.lock().spare
    }

    /// Asks a live source to begin anew: it repeats the same picture.
    pub(crate) fn ask_to_reopen(&self) {
        self.lock().reopen = true;
    }

    /// The loss of a source that is asked to begin anew, once each time.
    pub(super) fn reopens(&self) -> Option<Loss> {
        let asked = std::mem::take(&mut self.lock().reopen);
        let message = "it repeats the very same picture, so it is opened again";
        asked.then(|| Loss::new(Cause::Stuck, message))
    }

    /// The status now.
    pub(crate) fn status(&self) -> Status {
        self.lock().status.clone()
    }

    /// Whether the source delivers pictures now.
    pub(crate) fn state(&self) -> SourceState {
        self.lock().status.state
    }

    /// The counters now.
    pub(crate) fn counters(&self) -> FrameCounters {
        self.lock().status.counters.clone()
    }

    /// The status after the first change that is newer than `seen`, which starts at 0 and is
    /// advanced; `None` if there is no newer one. A new count alone is not a change; the last
    /// change comes with the current counters.
    ///
    /// So a slow reader still hears of a loss that is over. The last eight changes are kept, and of
    /// a loss that recurs only the last.
    pub(crate) fn change(&self, seen: &mut u64) -> Option<Status> {
        let known = self.lock();
        let (number, status) = known.changes.iter().find(|(number, _)| number > seen)?;
        *seen = *number;
        let last = known.changes.back().is_some_and(|(last, _)| last == number);
        Some(if last { &known.status } else { status }.clone())
    }

    /// Records the bad frames of a source that is not a camera; a camera records its own.
    pub(crate) fn note_bad(&self, bad: &Tally) {
        let mut known = self.lock();
        if known.status.counters.bad.total() != bad.total() {
            known.status.counters.bad.clone_from(bad);
        }
    }

    /// The process that gives the pictures, and all below which is its own; none of a source in
    /// this process.
    pub(crate) fn child(&self) -> Option<u32> {
        self.lock().child
    }

    /// Notes the process that gives the pictures.
    pub(super) fn set_child(&self, child: Option<u32>) {
        self.lock().child = child;
    }

    /// Publishes `status` to other threads: all of it if it `changed`, else its counters, which
    /// allocates nothing.
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
