//! systemd's readiness and watchdog, fed by progress and not by the clock alone.

use std::time::{Duration, Instant};

use sd_notify::NotifyState;

/// Tells systemd that the daemon is ready, and from then on that it lives.
pub(crate) struct Watchdog {
    every: Option<Duration>,
    fed: Instant,
    seen: u64,
}

impl Watchdog {
    /// Says `READY=1`; a no-op where no systemd listens.
    pub(crate) fn start() -> Self {
        let mut micros = 0;
        let every = sd_notify::watchdog_enabled(false, &mut micros)
            .then(|| Duration::from_micros(micros) / 3);
        notify(&[NotifyState::Ready]);
        Self {
            every,
            fed: Instant::now(),
            seen: 0,
        }
    }

    /// Feeds the watchdog a third of its time after the last feed, if `progress` has grown since.
    ///
    /// A capture thread that hangs stops its progress, and systemd then restarts the service.
    pub(crate) fn feed(&mut self, progress: u64) {
        let Some(every) = self.every else { return };
        if self.fed.elapsed() >= every && progress != self.seen {
            self.fed = Instant::now();
            self.seen = progress;
            notify(&[NotifyState::Watchdog]);
        }
    }
}

/// Says `STOPPING=1`.
pub(crate) fn stopping() {
    notify(&[NotifyState::Stopping]);
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(e) = sd_notify::notify(false, states) {
        log::debug!("systemd does not listen: {e}");
    }
}
