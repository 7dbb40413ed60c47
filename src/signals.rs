//! Signals as flags: SIGINT and SIGTERM ask for the end, SIGHUP for a reload, SIGUSR1 for a report.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::Signals;
use signal_hook::low_level;

use crate::threads::{self, End};

/// Signals in this time count as one: a terminal signals the whole process group, and a supervisor
/// in it passes the signal on.
const PAIR: Duration = Duration::from_millis(100);

/// Set when the process is asked to end.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Sets the flag at SIGINT and SIGTERM. A second signal, other than at once, ends the process
    /// without a goodbye.
    ///
    /// # Errors
    /// The system refused the handlers or the thread that waits for a second signal.
    pub(crate) fn on_signals() -> io::Result<Self> {
        let stop = Self::default();
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&stop.0))?;
        }
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        let wait = move || {
            let mut asked = Asked::default();
            for signal in signals.forever() {
                if asked.again(Instant::now()) {
                    low_level::exit(128 + signal);
                }
            }
            End::<()>::Early
        };
        threads::spawn("signals", Some(threads::SMALL), wait)?;
        Ok(stop)
    }

    /// Returns true once the end was requested.
    pub(crate) fn requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Requests the end from within the process.
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// When the process was first asked to end.
#[derive(Debug, Default)]
struct Asked(Option<Instant>);

impl Asked {
    /// Returns true for a signal at `now` that is neither the first nor of the same pair.
    fn again(&mut self, now: Instant) -> bool {
        let first = *self.0.get_or_insert(now);
        now.saturating_duration_since(first) > PAIR
    }
}

/// Set by a signal that asks for something each time it comes.
#[derive(Clone, Debug, Default)]
pub struct Request(Arc<AtomicBool>);

impl Request {
    /// Sets the flag at SIGHUP, which asks for a reload.
    ///
    /// # Errors
    /// The system refused the handler.
    pub(crate) fn on_hangup() -> io::Result<Self> {
        Self::on(SIGHUP)
    }

    /// Sets the flag at SIGUSR1, which asks for a report in the log.
    ///
    /// # Errors
    /// The system refused the handler.
    pub(crate) fn on_user_signal() -> io::Result<Self> {
        Self::on(SIGUSR1)
    }

    fn on(signal: i32) -> io::Result<Self> {
        let request = Self::default();
        signal_hook::flag::register(signal, Arc::clone(&request.0))?;
        Ok(request)
    }

    /// Asks from within the process.
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Returns true if the signal came since the last call.
    pub(crate) fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_signals_within_a_tenth_of_a_second_count_as_one() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut asked = Asked::default();
        assert!(!asked.again(at(0)));
        assert!(!asked.again(at(3)));
        assert!(!asked.again(at(100)));
        assert!(asked.again(at(101)));
    }
}
