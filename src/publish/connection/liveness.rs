//! Whether the daemon works: a connection that lives says nothing about threads that hang.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::meter::{Progress, THREADS};

/// Looks in a row without progress, after which a thread counts as hanging. Looks are counted, not
/// time: a process that was stopped for long, or a board that slept, must not seem to hang.
const LOOKS: u32 = 5;

/// A watch over the progress of threads.
#[derive(Debug)]
pub(crate) struct Liveness {
    progress: Option<Arc<Progress>>,
    /// Time between two looks.
    every: Duration,
    next: Option<Instant>,
    seen: [u64; 2],
    /// Looks in a row that found no progress, by thread.
    idle: [u32; 2],
    alive: bool,
}

impl Liveness {
    /// Without threads to watch: always alive.
    pub(crate) fn assumed() -> Self {
        Self {
            progress: None,
            every: Duration::MAX,
            next: None,
            seen: [0; 2],
            idle: [0; 2],
            alive: true,
        }
    }

    /// Watches `progress`, which may stand still for `patience`.
    pub(crate) fn of(progress: Arc<Progress>, patience: Duration) -> Self {
        Self {
            progress: Some(progress),
            every: patience / LOOKS,
            ..Self::assumed()
        }
    }

    /// Whether the threads work; `None` before the main thread's first turn.
    pub(super) fn alive(&self) -> Option<bool> {
        match &self.progress {
            Some(progress) if progress.turns()[0] == 0 => None,
            _ => Some(self.alive),
        }
    }

    /// When to look next; `None` if nothing is watched.
    pub(super) fn due_at(&self, now: Instant) -> Option<Instant> {
        self.progress.as_ref()?;
        Some(self.next.unwrap_or(now))
    }

    /// Looks at the threads, and logs a change.
    pub(super) fn look(&mut self, now: Instant) {
        let Some(progress) = &self.progress else {
            return;
        };
        self.next = now.checked_add(self.every);
        let turns = progress.turns();
        if turns[0] == 0 {
            return;
        }
        for ((turns, seen), idle) in turns.iter().zip(&mut self.seen).zip(&mut self.idle) {
            *idle = if turns == seen { *idle + 1 } else { 0 };
            *seen = *turns;
        }
        let hanging = self.idle.iter().position(|&idle| idle >= LOOKS);
        match (self.alive, hanging) {
            (true, Some(thread)) => log::error!(
                "the {} thread makes no progress for {:?}: publishing `offline` until it does",
                THREADS[thread],
                self.every * LOOKS
            ),
            (false, None) => log::warn!("all threads make progress again: publishing `online`"),
            _ => {}
        }
        self.alive = hanging.is_none();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    /// Looks as often as the watch wants, from `from` to `to` seconds; both threads turn before
    /// each look, as far as the flags say.
    fn pass(watch: &mut Liveness, progress: &Progress, looks: u32, turning: [bool; 2]) {
        for _ in 0..looks {
            if turning[0] {
                progress.main_turns();
            }
            if turning[1] {
                progress.capture_turns();
            }
            let due = watch.due_at(Instant::now()).unwrap();
            watch.look(due);
        }
    }

    #[test]
    fn nothing_is_known_before_the_first_turn() {
        let progress = Arc::new(Progress::default());
        let mut watch = Liveness::of(Arc::clone(&progress), PATIENCE);
        pass(&mut watch, &progress, 20, [false, true]);
        assert_eq!(watch.alive(), None);
        progress.main_turns();
        assert_eq!(watch.alive(), Some(true));
        assert_eq!(Liveness::assumed().alive(), Some(true));
        assert_eq!(Liveness::assumed().due_at(Instant::now()), None);
    }

    #[test]
    fn each_thread_that_hangs_is_noticed_and_so_is_its_return() {
        for turning in [[false, true], [true, false], [false, false]] {
            let progress = Arc::new(Progress::default());
            let mut watch = Liveness::of(Arc::clone(&progress), PATIENCE);
            pass(&mut watch, &progress, 10, [true, true]);
            pass(&mut watch, &progress, LOOKS - 1, turning);
            assert_eq!(watch.alive(), Some(true), "{turning:?}");
            pass(&mut watch, &progress, 1, turning);
            assert_eq!(watch.alive(), Some(false), "{turning:?}");
            pass(&mut watch, &progress, 1, [true, true]);
            assert_eq!(watch.alive(), Some(true), "{turning:?}");
        }
    }

    #[test]
    fn a_process_that_was_stopped_for_an_hour_does_not_hang() {
        let progress = Arc::new(Progress::default());
        let mut watch = Liveness::of(Arc::clone(&progress), PATIENCE);
        pass(&mut watch, &progress, 3, [true, true]);
        let later = watch.due_at(Instant::now()).unwrap() + Duration::from_secs(3600);
        watch.look(later);
        assert_eq!(watch.alive(), Some(true));
        // The next look is a while after this one, not at once.
        assert_eq!(watch.due_at(later), Some(later + PATIENCE / LOOKS));
    }
}
