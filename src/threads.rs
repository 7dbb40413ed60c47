//! Threads that end only when they were told to. If one ends otherwise, the process ends.
//!
//! Others wait for what a thread does, and would wait for good. A thread that returns too early is
//! noticed at once, by its guard. One that the kernel ended, so that nothing of it could run any
//! more, is noticed by the thread `watch` and by main, which look whether all are there. Each of
//! these two is watched by the other.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Builder, JoinHandle};
use std::time::{Duration, Instant};

use crate::panics;

/// Time between two looks at all threads.
const EVERY: Duration = Duration::from_millis(250);

/// Stack of a thread that does little, in bytes.
pub(crate) const SMALL: usize = 64 << 10;

/// The threads that run.
static ALL: Mutex<Vec<Arc<Entry>>> = Mutex::new(Vec::new());

/// When main last looked at them; `None` if they are not watched.
static LOOKED: Mutex<Option<Instant>> = Mutex::new(None);

/// How the body of a thread ended.
#[derive(Debug)]
pub(crate) enum End<T> {
    /// It was told to end, or nobody needs it any more.
    Told(T),
    /// It was not.
    Early,
}

/// A thread that runs.
struct Entry {
    number: u64,
    name: String,
    /// Where the kernel shows its state; `None` where there is no `/proc`.
    state: Option<PathBuf>,
}

impl Entry {
    fn is_gone(&self) -> bool {
        self.state.as_deref().is_some_and(is_dead)
    }
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
    builder.spawn(move || {
        let mut guard = Guard::new(name);
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
    })
}

/// What a thread owns while it runs.
struct Guard {
    number: u64,
    name: String,
    told: bool,
}

impl Guard {
    fn new(name: String) -> Self {
        let mut all = all();
        let number = all.last().map_or(0, |entry| entry.number + 1);
        all.push(Arc::new(Entry {
            number,
            name: name.clone(),
            state: state_file(),
        }));
        drop(all);
        Self {
            number,
            name,
            told: false,
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        all().retain(|entry| entry.number != self.number);
        // A panic has ended the process, unless it is one of a test.
        if !self.told {
            log::debug!("the thread {} panicked", self.name);
        }
    }
}

/// Watches the calling thread, `main`, and all that [`spawn`] has started and starts, from a thread
/// of its own. The caller shall [`look`] too.
///
/// # Errors
/// The system refused the thread.
pub(crate) fn watch() -> io::Result<()> {
    // Nobody tells main to end: the process ends with it.
    std::mem::forget(Guard::new("main".into()));
    let watch = || {
        loop {
            look_at_all();
            thread::sleep(EVERY);
        }
    };
    spawn("watch", Some(SMALL), watch).map(|_: JoinHandle<()>| note_look(Instant::now()))
}

/// Looks at all threads, if they are watched and the caller's last look was a while ago.
pub(crate) fn look() {
    let now = Instant::now();
    let last = *LOOKED.lock().unwrap_or_else(PoisonError::into_inner);
    if last.is_some_and(|last| now.saturating_duration_since(last) >= EVERY) {
        note_look(now);
        look_at_all();
    }
}

fn note_look(now: Instant) {
    *LOOKED.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
}

/// Ends the process if a thread is gone. The list is not locked meanwhile: the kernel may end the
/// thread that looks, and then nobody could look any more.
fn look_at_all() {
    let mut at = 0;
    loop {
        let Some(entry) = all().get(at).map(Arc::clone) else {
            return;
        };
        // A thread that was told to end leaves the list before it does.
        if entry.is_gone() && all().iter().any(|other| other.number == entry.number) {
            panics::end(&format!("the thread {} is gone", entry.name));
        }
        at += 1;
    }
}

fn all() -> MutexGuard<'static, Vec<Arc<Entry>>> {
    ALL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The file with the state of the calling thread.
fn state_file() -> Option<PathBuf> {
    // A link to `PID/task/ID`.
    let thread = fs::read_link("/proc/thread-self").ok()?;
    let file = Path::new("/proc").join(thread).join("stat");
    file.is_file().then_some(file)
}

/// Whether the thread of this file has ended. The first one of a process stays as a zombie.
fn is_dead(state: &Path) -> bool {
    let mut bytes = [0; 128];
    let read = File::open(state).and_then(|mut file| file.read(&mut bytes));
    match read {
        Ok(length) => matches!(state_in(&bytes[..length]), Some(b'Z' | b'X')),
        // Too many open files, for example, tell nothing of the thread.
        Err(error) => {
            error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH)
        }
    }
}

/// The letter of the state behind the name, which is in parentheses and may hold some itself.
fn state_in(stat: &[u8]) -> Option<u8> {
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    stat.get(end + 2).copied()
}

#[cfg(test)]
mod tests;
