//! SIGINT and SIGTERM as a flag, and SIGHUP as another.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// Set once the process was asked to end.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Sets the flag at SIGINT and SIGTERM; the second such signal ends the process at once.
    ///
    /// # Errors
    /// When the system refuses the handlers.
    pub fn on_signals() -> io::Result<Self> {
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

    /// Whether the end was asked for.
    pub fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Asks for the end from within.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Set once the model was asked to be loaded anew.
#[derive(Clone, Debug, Default)]
pub struct Reload(Arc<AtomicBool>);

impl Reload {
    /// Sets the flag at SIGHUP.
    ///
    /// # Errors
    /// When the system refuses the handler.
    pub fn on_signal() -> io::Result<Self> {
        let reload = Self::default();
        signal_hook::flag::register(SIGHUP, Arc::clone(&reload.0))?;
        Ok(reload)
    }

    /// Whether it was asked for since the last call.
    pub fn taken(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }

    /// Asks for it from within.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
