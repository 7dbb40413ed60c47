//! What a person watches on a terminal while frames pass: the label, the best labels as bars, rates,
//! drops, memory and the last events. Where there is no terminal, a plain line a second.
//!
//! A thread of its own draws, four times a second. Whoever has news leaves them in a [`State`] and
//! never waits for a terminal.

mod draw;
mod state;

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use self::draw::Look;
use crate::escape::OneLine;
use crate::meter::process;
use crate::terminal;
use crate::threads::{self, End};

pub(crate) use state::State;

/// The time between two pictures of the view, and between two plain lines.
const DRAW: Duration = Duration::from_millis(250);
const PLAIN: Duration = Duration::from_secs(1);
/// How long the end waits for a terminal that takes nothing.
const GOODBYE: Duration = Duration::from_millis(500);

/// A view, until it is dropped.
pub struct Watch {
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

struct Shared {
    state: Mutex<State>,
    ended: Mutex<bool>,
    end: Condvar,
}

impl Watch {
    /// Starts a view of what `title` names, with the memory that is allowed in MiB, and the number
    /// of frames where it is known.
    ///
    /// # Errors
    /// The system refuses the thread.
    pub(crate) fn start(title: &str, budget: u32, length: Option<u64>) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::new(State::new(title, budget, length, Instant::now())),
            ended: Mutex::new(false),
            end: Condvar::new(),
        });
        let watched = Arc::clone(&shared);
        let thread = threads::spawn("view", Some(4 * threads::SMALL), move || {
            if terminal::is_there() {
                watched.draw();
            } else {
                watched.print();
            }
            End::Told(())
        })?;
        Ok(Self { shared, thread })
    }

    /// The state, to leave news in.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }
}

impl Drop for Watch {
    /// Ends the view. A terminal that takes nothing is not waited for long.
    fn drop(&mut self) {
        *lock(&self.shared.ended) = true;
        self.shared.end.notify_all();
        let end = Instant::now() + GOODBYE;
        while !self.thread.is_finished() && Instant::now() < end {
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Waits so long. Returns false at the end.
    fn wait(&self, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        let mut ended = lock(&self.ended);
        while !*ended {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            let woken = self.end.wait_timeout(ended, left);
            ended = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        false
    }

    fn draw(&self) {
        while self.wait(DRAW) {
            let look = Look::of_terminal(terminal::size().1);
            let memory = process::resident().rss_mb;
            let lines = draw::lines(&mut self.state(), Instant::now(), memory, look);
            terminal::draw(lines);
        }
        terminal::clear();
    }

    fn print(&self) {
        loop {
            let goes_on = self.wait(PLAIN);
            let memory = process::resident().rss_mb;
            let line = draw::plain(&mut self.state(), Instant::now(), memory);
            // Nobody may read it.
            let _ = writeln!(io::stderr(), "{}", OneLine(line));
            if !goes_on {
                return;
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_ends_at_once() {
        let begun = Instant::now();
        let watch = Watch::start("door", 48, None).unwrap();
        watch.state().frame(Duration::from_secs(1), true);
        drop(watch);
        assert!(begun.elapsed() < GOODBYE, "{:?}", begun.elapsed());
    }
}
