//! The mapped buffers of a stream, those on loan among them.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::system::{Device, MappedBuffer, retry};
use crate::frame::Lender;

/// A stream's buffers. They stay mapped until the stream is over and the last loan has ended; what
/// a buffer on loan shows stays as it is, because only a buffer that was taken back is queued.
#[derive(Default)]
pub struct Buffers {
    mappings: Vec<Box<dyn MappedBuffer>>,
    desk: Mutex<Desk>,
}

/// Where loans end.
#[derive(Default)]
struct Desk {
    /// Queues what comes back; `None` once the stream is over.
    device: Option<Arc<dyn Device>>,
    lent: usize,
    /// Why a buffer that came back could not be queued.
    failed: Option<io::Error>,
}

impl Buffers {
    /// The buffers of `device`.
    pub fn new(device: Arc<dyn Device>, mappings: Vec<Box<dyn MappedBuffer>>) -> Self {
        let desk = Desk {
            device: Some(device),
            ..Desk::default()
        };
        Self {
            mappings,
            desk: Mutex::new(desk),
        }
    }

    /// No step in here can panic and leave the desk half changed, so that a poisoned lock is still
    /// good.
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.mappings.len()
    }

    /// Bytes of all of them.
    pub fn mapped(&self) -> usize {
        self.mappings.iter().map(|m| m.length()).sum()
    }

    /// Bytes of one, if there is such a buffer.
    pub fn length(&self, index: u32) -> Option<usize> {
        self.mappings.get(index as usize).map(|m| m.length())
    }

    /// Counts one as lent.
    pub fn lend(&self) {
        self.desk().lent += 1;
    }

    /// How many are on loan.
    pub fn lent(&self) -> usize {
        self.desk().lent
    }

    /// Says once that a buffer which came back could not be queued.
    ///
    /// # Errors
    /// What VIDIOC_QBUF gave.
    pub fn queued(&self) -> io::Result<()> {
        self.desk().failed.take().map_or(Ok(()), Err)
    }

    /// Queues nothing any more. Waits for a buffer that is being queued, so that no call to a
    /// driver that stops, and may hang in it, comes from where loans end.
    pub fn close(&self) {
        self.desk().device = None;
    }
}

impl Lender for Buffers {
    fn bytes(&self, index: u32) -> &[u8] {
        self.mappings
            .get(index as usize)
            .map_or(&[], |mapping| mapping.bytes())
    }

    fn take_back(&self, index: u32) {
        let mut desk = self.desk();
        desk.lent = desk.lent.saturating_sub(1);
        if let Some(device) = &desk.device
            && let Err(error) = retry(|| device.queue(index))
        {
            desk.failed = Some(error);
        }
    }
}
