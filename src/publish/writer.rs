//! The thread that writes events to the disk.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use super::Error;
use super::connection::Shared;
use super::outbox::Disk;

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
    thread::Builder::new()
        .name("outbox".into())
        .spawn(move || {
            writer.run(&wakes);
            drop(ended);
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
        loop {
            let batch = self.shared.lock().outbox.batch();
            if let Err(error) = self.disk.write(&batch) {
                self.note_failure(&error);
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

    /// Logs the first of several failures.
    fn note_failure(&mut self, error: &std::io::Error) {
        if self.fails_since.replace(Instant::now()).is_none() {
            log::warn!(
                "outbox.folder {}: cannot be written: {error}; until it can, new events wait in memory alone; \
                 free some space, or name another folder",
                self.disk.folder().display()
            );
        }
    }
}
