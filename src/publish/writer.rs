//! The thread that writes events to the disk.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use super::Error;
use super::connection::Shared;
use super::outbox::{Disk, FolderError};
use crate::threads::{self, End};

/// The pause after a disk that refused something.
const AGAIN: Duration = Duration::from_secs(10);

/// Starts the thread. It writes after each message of `wakes`, and ends once the other side is
/// gone; what it holds of `ended` is dropped then.
///
/// # Errors
/// [`Error::Thread`].
pub(super) fn start(
    shared: &Arc<Shared>,
    disk: Disk,
    wakes: Receiver<()>,
    ended: SyncSender<()>,
) -> Result<(), Error> {
    let writer = Writer {
        shared: Arc::clone(shared),
        disk,
        fails_since: None,
    };
    threads::spawn("outbox", None, move || {
        writer.run(&wakes);
        drop(ended);
        End::Told(())
    })
    .map_err(|e| Error::Thread(e.to_string()))?;
    Ok(())
}

struct Writer {
    shared: Arc<Shared>,
    disk: Disk,
    /// When the disk refused something, as long as it does.
    fails_since: Option<Instant>,
}

impl Writer {
    fn run(mut self, wakes: &Receiver<()>) {
        loop {
            let woken = match self.fails_since {
                None => wakes.recv().map_err(RecvTimeoutError::from),
                Some(since) => {
                    // Wakes do not count: a full disk is not asked for each event.
                    let left = AGAIN.saturating_sub(since.elapsed());
                    match wakes.recv_timeout(left) {
                        Ok(()) if !left.is_zero() => continue,
                        woken => woken,
                    }
                }
            };
            self.write_all();
            if woken == Err(RecvTimeoutError::Disconnected) {
                let batch = self.shared.lock().outbox.batch();
                self.disk.finish(&batch);
                return;
            }
        }
    }

    /// Writes batch after batch until the disk knows all.
    fn write_all(&mut self) {
        if self.disk.is_gone() && !self.make_again() {
            return;
        }
        loop {
            let batch = self.shared.lock().outbox.batch();
            if let Err(error) = self.disk.write(&batch) {
                self.note_failure(&format!(
                    "cannot be written: {error}; free some space, or name another folder"
                ));
                return;
            }
            if self.fails_since.take().is_some() {
                log::info!(
                    "outbox.folder {}: can be written again; events wait there too",
                    self.disk.folder().display()
                );
            }
            let Some((last, _)) = batch.events.last() else {
                return;
            };
            self.shared.lock().outbox.written(*last);
        }
    }

    /// Makes the folder again that somebody removed. Returns whether that succeeded.
    fn make_again(&mut self) -> bool {
        self.shared.lock().outbox.unwrite();
        match self.disk.make_again() {
            Ok(()) => {
                self.fails_since = None;
                log::warn!(
                    "outbox.folder {}: was removed while Goldcrest runs; made it again, and the events that wait \
                     are written there anew",
                    self.disk.folder().display()
                );
                true
            }
            Err(error) => {
                let why = match error {
                    FolderError::InUse => format!("was removed, and {error}"),
                    FolderError::Io(error) => format!(
                        "was removed, and cannot be made again: {error}; make it, and all folders around it"
                    ),
                };
                self.note_failure(&why);
                false
            }
        }
    }

    /// Logs the first of several failures.
    fn note_failure(&mut self, why: &str) {
        if self.fails_since.replace(Instant::now()).is_none() {
            log::warn!(
                "outbox.folder {}: {why}; until it can be written, events wait in memory alone",
                self.disk.folder().display()
            );
        }
    }
}
