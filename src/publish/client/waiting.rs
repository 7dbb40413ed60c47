//! Waiting for the connection, and ending it.

use std::sync::PoisonError;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use super::Publisher;
use crate::publish::Error;
use crate::publish::connection::{self, Link};

impl Publisher {
    /// Waits for the result of the first try to connect, until `give_up`, which is asked several
    /// times a second. After that, returns the present state of the connection at once.
    ///
    /// # Errors
    /// [`Error::Unreachable`] or [`Error::Refused`]: the thread keeps trying all the same.
    /// [`Error::Closed`] after [`Publisher::close`].
    pub fn wait_connected(
        &self,
        timeout: Duration,
        give_up: impl Fn() -> bool,
    ) -> Result<(), Error> {
        let trying = |link: &Link| matches!(link, Link::Trying);
        let start = Instant::now();
        let state = loop {
            let step = timeout
                .saturating_sub(start.elapsed())
                .min(connection::STEP);
            let state = self.shared.wait_while(step, |state| trying(&state.link));
            if step.is_zero() || !trying(&state.link) || give_up() {
                break state;
            }
        };
        match &state.link {
            Link::Connected => Ok(()),
            Link::Failed(error) => Err(error.clone()),
            Link::Trying => Err(Error::no_answer(&self.address, self.named, timeout)),
            Link::Ended => Err(Error::Closed),
        }
    }

    /// Waits until the broker acknowledged all messages so far, at most for `timeout`. A newer
    /// message of a state would otherwise take the place of one that still waits.
    pub(crate) fn drain(&self, timeout: Duration) {
        drop(self.shared.wait_while(timeout, |state| !state.idle()));
    }

    /// Begins what [`Publisher::close`] does, without waiting for it.
    pub(crate) fn begin_close(&self, timeout: Duration) {
        self.shared.close(Instant::now() + timeout);
    }

    /// Sends the waiting messages and `offline`, disconnects and ends the thread, all within
    /// `timeout`.
    ///
    /// Returns true when the broker acknowledged everything. Otherwise the broker publishes the
    /// last will, `offline`, once it notices that the connection is gone.
    pub fn close(&self, timeout: Duration) -> bool {
        let start = Instant::now();
        // The thread's deadline is earlier, which leaves time to join it.
        self.shared.close(start + timeout.mul_f32(0.75));
        let ended = |link: &Link| matches!(link, Link::Ended);
        let state = self.shared.wait_while(timeout, |state| !ended(&state.link));
        let (ended, closed_cleanly) = (ended(&state.link), state.closed_cleanly);
        drop(state);
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        match thread {
            // The thread sets `Ended` last of all.
            Some(thread) if ended => drop(thread.join()),
            Some(_) => {
                log::warn!("the MQTT thread did not end within {timeout:?}; leaving it behind")
            }
            None => {}
        }
        self.end_writing(timeout.saturating_sub(start.elapsed()));
        closed_cleanly
    }

    /// Lets the thread that writes events to the disk write what waits, and waits for its end at
    /// most for `timeout`.
    fn end_writing(&self, timeout: Duration) {
        self.shared.lock().outbox.end_writer();
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ended) = writing.take()
            && ended.recv_timeout(timeout) == Err(RecvTimeoutError::Timeout)
        {
            log::warn!(
                "outbox.folder: the disk did not take the events within {timeout:?}; leaving them behind"
            );
        }
        drop(writing);
        let stored = self.shared.lock().outbox.event_counts().stored;
        if stored > 0 {
            log::info!("outbox.folder: {stored} events wait there for the next start");
        }
    }
}
