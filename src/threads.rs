//! Threads that end only when they were told to. If one ends otherwise, the process ends.
//!
//! Others wait for what a thread does, and would wait for good. A thread that returns too early is
//! noticed at once, by its guard. One that the kernel ended, so that nothing of it could run any
//! more, is noticed by two threads that look whether all are there, each other among them. They
//! need neither a lock nor the heap for that, because the dead thread may have held either.

mod list;

use std::io;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread::{self, Builder, JoinHandle};
use std::time::Duration;

use crate::panics;
use list::Place;

/// Time between two looks at all threads.
const EVERY: Duration = Duration::from_millis(250);

/// Stack of a thread that does little, in bytes.
pub(crate) const SMALL: usize = 64 << 10;

/// How often a dead thread was found.
static FOUND: AtomicU32 = AtomicU32::new(0);

/// How the body of a thread ended.
#[derive(Debug)]
pub(crate) enum End<T> {
    /// It was told to end, or nobody needs it any more.
    Told(T),
    /// It was not.
    Early,
}

/// Starts a thread that ends the process unless `body` returns [`End::Told`]. `stack` is the size
/// of its stack in bytes, where the usual one is too large.
///
/// # Errors
/// The system refused the thread.
pub(crate) fn spawn<T: Send + 'static>(
    name: impl Into<String>,
    stack: Option<usize>,
    body: impl FnOnce() -> End<T> + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    let name = name.into();
    let mut builder = Builder::new().name(name.clone());
    if let Some(stack) = stack {
        builder = builder.stack_size(stack);
    }
    #[cfg(test)]
    tests::refuse(&name)?;
    let place = Place::take(&name)?;
    let thread = builder.spawn(move || {
        let mut guard = Guard::new(name, place);
        match body() {
            End::Told(value) => {
                guard.told = true;
                value
            }
            End::Early => panics::end(&format!(
                "the thread {} ended without being told to",
                guard.name
            )),
        }
    });
    match thread {
        Ok(_) => place.started(),
        Err(_) => place.end(),
    }
    thread
}

/// Starts a thread that does one job after the other and answers each with what became of it. One
/// job may wait, and one answer. It ends once nobody sends jobs or hears answers any more.
///
/// # Errors
/// The system refused the thread.
pub(crate) fn serve<J: Send + 'static, D: Send + 'static>(
    name: &str,
    mut work: impl FnMut(J) -> D + Send + 'static,
) -> io::Result<(SyncSender<J>, Receiver<D>)> {
    let (jobs, received) = mpsc::sync_channel(1);
    let (send, done) = mpsc::sync_channel(1);
    spawn(name, None, move || {
        for job in received {
            // Nobody listens at the program's end.
            if send.send(work(job)).is_err() {
                break;
            }
        }
        End::Told(())
    })?;
    Ok((jobs, done))
}

/// What a thread owns while it runs.
struct Guard {
    name: String,
    place: Place,
    told: bool,
}

impl Guard {
    fn new(name: String, place: Place) -> Self {
        place.begin();
        Self {
            name,
            place,
            told: false,
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.place.end();
        // A panic has ended the process, unless it is one of a test.
        if !self.told {
            log::debug!("the thread {} panicked", self.name);
        }
    }
}

/// Watches the calling thread, `main`, and all that [`spawn`] has started and starts, from two
/// threads of its own.
///
/// # Errors
/// The system refused a thread.
pub(crate) fn watch() -> io::Result<()> {
    // Nobody tells main to end: the process ends with it.
    Place::take("main")?.begin();
    for name in ["watch", "second-watch"] {
        let _: JoinHandle<()> = spawn(name, Some(SMALL), || {
            loop {
                look_at_all();
                thread::sleep(EVERY);
            }
        })?;
    }
    Ok(())
}

/// Ends the process if a thread is gone.
fn look_at_all() {
    let Some(name) = list::gone() else {
        return;
    };
    // Both may find it at once: one writes the line. If it cannot, because nobody reads standard
    // error any more, the other one ends the process at its next look.
    match FOUND.fetch_add(1, SeqCst) {
        0 => panics::end_without(&name),
        1 => {}
        _ => panics::exit_at_once(),
    }
}

#[cfg(test)]
mod tests;
