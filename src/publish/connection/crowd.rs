//! Many connections on few threads, for a simulated fleet.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::inbox::Inbox;
use super::liveness::Liveness;
use super::open::{Target, runtime};
use super::session::{self, Patience};
use super::shared::Shared;
use crate::publish::Error;
use crate::threads::{self, End};

/// Threads that hold the connections of many publishers. They end when the value is dropped.
pub(crate) struct Crowd {
    threads: Vec<(Handle, Arc<Notify>)>,
    next: AtomicUsize,
}

impl Crowd {
    /// Starts this many threads, at least one.
    ///
    /// # Errors
    /// [`Error::Thread`].
    pub(crate) fn start(threads: usize) -> Result<Self, Error> {
        let started = (0..threads.max(1)).map(|_| {
            let runtime = runtime()?;
            let (handle, end) = (runtime.handle().clone(), Arc::new(Notify::new()));
            let ended = Arc::clone(&end);
            threads::spawn("mqtt", None, move || {
                runtime.block_on(ended.notified());
                runtime.shutdown_background();
                End::Told(())
            })
            .map_err(|e| Error::Thread(e.to_string()))?;
            Ok((handle, end))
        });
        Ok(Self {
            threads: started.collect::<Result<_, Error>>()?,
            next: AtomicUsize::new(0),
        })
    }

    /// Holds one more connection, until [`Shared::close`].
    pub(crate) fn hold(
        &self,
        shared: &Arc<Shared>,
        target: Target,
        inbox: Inbox,
        liveness: Liveness,
    ) {
        let next = self.next.fetch_add(1, Ordering::Relaxed) % self.threads.len();
        let held = session::hold(shared, target, Patience::Endless, inbox, liveness);
        self.threads[next].0.spawn(held);
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for (_, end) in &self.threads {
            end.notify_one();
        }
    }
}
