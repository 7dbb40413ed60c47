//! SIGINT and SIGTERM set one flag, SIGHUP another.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// Set when the process is asked to end.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Sets the flag at SIGINT and SIGTERM; a second signal ends the process at once.
    ///
    /// # Errors
    /// The system refused the handlers.
    pub(crate) fn on_signals() -> io::Result<Self> {
        let stop = Self::default();
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register_conditional_shutdown(
                signal,
                128 + signal,
                Arc::clone(&stop.0),
            )?;
            signal_hook::flag::register(signal, Arc::clone(&stop.0))?;
        }
        Ok(stop)
    }

    /// Returns true once the end was requested.
    pub(crate) fn requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Requests the end from within the process.
    pub(crate) fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Set when the model is to be loaded again.
#[derive(Clone, Debug, Default)]
pub struct Reload(Arc<AtomicBool>);

impl Reload {
    /// Sets the flag at SIGHUP.
    ///
    /// # Errors
    /// The system refused the handler.
    pub(crate) fn on_signal() -> io::Result<Self> {
        let reload = Self::default();
        signal_hook::flag::register(SIGHUP, Arc::clone(&reload.0))?;
        Ok(reload)
    }

    /// Returns true if a reload was requested since the last call.
    pub(crate) fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}
