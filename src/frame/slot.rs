//! The place where the newest frame waits.

use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Frame;

/// A place for one frame between two threads, in which a newer frame replaces a waiting one.
///
/// Frames are swapped and never copied: each side holds one and the slot holds one, so three
/// circulate and nothing is allocated once their buffers have grown. A replaced frame comes back
/// with its loan.
#[derive(Debug)]
pub(crate) struct Slot {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    frame: Frame,
    waiting: bool,
    closed: bool,
    dropped: u64,
}

/// The outcome of [`Slot::take`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// A frame, now in the caller's hands.
    Frame,
    /// No frame came within the time-out.
    Nothing,
    /// The slot is closed and empty.
    Closed,
}

impl Slot {
    /// An empty slot.
    pub(crate) const fn new() -> Self {
        Self {
            state: Mutex::new(State {
                frame: Frame::empty(),
                waiting: false,
                closed: false,
                dropped: 0,
            }),
            changed: Condvar::new(),
        }
    }

    /// Nothing panics while the state is half changed, so a poisoned lock is still good.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts `frame` in, in exchange for one whose buffers can be filled next.
    ///
    /// A waiting frame is replaced and counted as dropped. A frame that comes after [`Slot::close`]
    /// is counted as dropped too.
    pub(crate) fn put(&self, frame: &mut Frame) {
        let mut state = self.lock();
        if state.closed {
            state.dropped += 1;
            return;
        }
        if state.waiting {
            state.dropped += 1;
        }
        state.waiting = true;
        mem::swap(&mut state.frame, frame);
        drop(state);
        self.changed.notify_one();
    }

    /// Takes the waiting frame in exchange for `frame`, or waits for one.
    pub(crate) fn take(&self, frame: &mut Frame, timeout: Duration) -> Taken {
        let end = Instant::now().checked_add(timeout);
        let mut state = self.lock();
        loop {
            if state.waiting {
                state.waiting = false;
                mem::swap(&mut state.frame, frame);
                return Taken::Frame;
            }
            if state.closed {
                return Taken::Closed;
            }
            state = match end.map(|end| end.saturating_duration_since(Instant::now())) {
                Some(Duration::ZERO) => return Taken::Nothing,
                Some(left) => {
                    let woken = self.changed.wait_timeout(state, left);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
                None => {
                    let woken = self.changed.wait(state);
                    woken.unwrap_or_else(PoisonError::into_inner)
                }
            };
        }
    }

    /// Ends the supply of frames; a waiting one can still be taken.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Drops the waiting frame, if there is one, and counts it.
    pub(crate) fn clear(&self) {
        let mut state = self.lock();
        if std::mem::take(&mut state.waiting) {
            state.dropped += 1;
            state.frame.data.give_back();
        }
    }

    /// Frames that were put in and never taken.
    pub(crate) fn dropped(&self) -> u64 {
        self.lock().dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    fn numbered(seq: u64) -> Frame {
        Frame {
            seq,
            ..Frame::empty()
        }
    }

    #[test]
    fn the_newest_frame_wins_and_the_older_is_counted() {
        let slot = Slot::new();
        for seq in 0..3 {
            slot.put(&mut numbered(seq));
        }
        let mut frame = Frame::empty();
        assert_eq!(slot.take(&mut frame, LONG), Taken::Frame);
        assert_eq!((frame.seq, slot.dropped()), (2, 2));
        assert_eq!(slot.take(&mut frame, Duration::ZERO), Taken::Nothing);
    }

    #[test]
    fn buffers_go_round_and_none_is_made() {
        let slot = Slot::new();
        let mut produced = numbered(0);
        let mut consumed = Frame::empty();
        let mut seen = std::collections::BTreeSet::new();
        for round in 0..12 {
            produced.data.own().clear();
            if round < 3 {
                produced.data.own().reserve_exact(64);
            }
            assert!(produced.data.own().capacity() >= 64);
            seen.insert(produced.data.as_ptr());
            slot.put(&mut produced);
            assert_eq!(slot.take(&mut consumed, LONG), Taken::Frame);
        }
        assert_eq!(seen.len(), 3);
    }

    #[test]
    fn a_closed_slot_gives_its_last_frame_and_then_ends() {
        let slot = Slot::new();
        slot.put(&mut numbered(7));
        slot.close();
        slot.put(&mut numbered(8));
        let mut frame = Frame::empty();
        assert_eq!(slot.take(&mut frame, LONG), Taken::Frame);
        assert_eq!(frame.seq, 7);
        assert_eq!(slot.take(&mut frame, LONG), Taken::Closed);
        assert_eq!(slot.dropped(), 1);
    }

    #[test]
    fn a_frame_that_nobody_will_take_is_counted() {
        let slot = Slot::new();
        slot.put(&mut numbered(7));
        slot.close();
        slot.clear();
        slot.clear();
        assert_eq!(slot.dropped(), 1);
        assert_eq!(slot.take(&mut Frame::empty(), LONG), Taken::Closed);
    }

    #[test]
    fn every_frame_is_either_taken_or_counted() {
        let slot = Slot::new();
        let total = 2000;
        let taken = std::thread::scope(|scope| {
            let taker = scope.spawn(|| {
                let mut frame = Frame::empty();
                let mut taken = 0;
                let mut last = None;
                loop {
                    match slot.take(&mut frame, LONG) {
                        Taken::Frame => {
                            assert!(last.is_none_or(|last| last < frame.seq));
                            last = Some(frame.seq);
                            taken += 1;
                        }
                        Taken::Closed => return (taken, last),
                        Taken::Nothing => panic!("waited {LONG:?} for a frame"),
                    }
                }
            });
            let mut frame = Frame::empty();
            for seq in 0..total {
                frame.seq = seq;
                slot.put(&mut frame);
            }
            slot.close();
            taker.join().unwrap()
        });
        assert_eq!(taken.0 + slot.dropped(), total);
        assert_eq!(taken.1, Some(total - 1), "the last frame is never lost");
    }
}
