//! systemd's readiness and watchdog (sd_notify(3), sd_watchdog_enabled(3)), fed by progress and not
//! by the clock alone.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::{Duration, Instant};

/// The patience where systemd does not watch.
const PATIENCE: Duration = Duration::from_secs(30);

/// Tells systemd that the daemon is ready, and from then on that it lives.
pub(crate) struct Watchdog {
    every: Option<Duration>,
    fed: Instant,
    seen: u64,
}

impl Watchdog {
    /// Sends `READY=1`; a no-op where no systemd listens.
    pub(crate) fn start() -> Self {
        notify("READY=1");
        Self {
            every: configured().map(|interval| interval / 3),
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
            notify("WATCHDOG=1");
        }
    }
}

/// How long the threads may make no progress before the daemon counts as hanging: half of
/// systemd's time, so that `offline` is published before systemd restarts the service.
pub(crate) fn patience() -> Duration {
    configured().map_or(PATIENCE, |interval| interval / 2)
}

/// How often systemd wants to hear of this process, from its environment.
fn configured() -> Option<Duration> {
    let variable = |name| env::var(name).ok();
    interval(
        variable("WATCHDOG_USEC").as_deref(),
        variable("WATCHDOG_PID").as_deref(),
        std::process::id(),
    )
}

/// Sends a line for `systemctl status`.
pub(super) fn status(line: &str) {
    notify(&format!("STATUS={line}"));
}

/// Sends `STOPPING=1`.
pub(crate) fn stopping() {
    notify("STOPPING=1");
}

/// How often systemd wants to hear of this process, from `WATCHDOG_USEC`; `None` for never. A
/// `WATCHDOG_PID` is optional, and if it names another process, that one is watched.
fn interval(usec: Option<&str>, pid: Option<&str>, own: u32) -> Option<Duration> {
    if pid.is_some_and(|pid| pid.parse() != Ok(own)) {
        return None;
    }
    let usec = usec?.parse().ok()?;
    (usec > 0).then_some(Duration::from_micros(usec))
}

fn notify(state: &str) {
    let Some(name) = env::var_os("NOTIFY_SOCKET") else {
        return;
    };
    if let Err(e) = send(&name, state) {
        log::debug!("systemd does not listen: {e}");
    }
}

/// Sends `state` to the socket `name`: a path, or `@` and the name of an abstract one.
fn send(name: &OsStr, state: &str) -> io::Result<()> {
    let address = match name.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.send_to_addr(state.as_bytes(), &address).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watchdog_needs_no_process_id_and_ignores_a_foreign_one() {
        let second = Some(Duration::from_secs(1));
        for (usec, pid, wanted) in [
            (Some("1000000"), None, second),
            (Some("1000000"), Some("7"), second),
            (Some("1000000"), Some("8"), None),
            (Some("1000000"), Some("no number"), None),
            (Some("0"), None, None),
            (Some("soon"), None, None),
            (None, Some("7"), None),
        ] {
            assert_eq!(interval(usec, pid, 7), wanted, "{usec:?} {pid:?}");
        }
    }

    #[test]
    fn systemd_is_told_through_a_path_and_an_abstract_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let abstract_name = format!("@goldcrest-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&abstract_name[1..]).unwrap();
        for (listener, name) in [
            (UnixDatagram::bind(&path).unwrap(), path.as_os_str()),
            (
                UnixDatagram::bind_addr(&address).unwrap(),
                abstract_name.as_ref(),
            ),
        ] {
            send(name, "READY=1").unwrap();
            let mut text = [0; 64];
            let length = listener.recv(&mut text).unwrap();
            assert_eq!(&text[..length], b"READY=1");
        }
    }
}
