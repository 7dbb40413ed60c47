//! The mapped buffers of a stream, including those on loan.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::system::{Device, MappedBuffer, retry};
use crate::frame::Lender;

/// A stream's buffers. They stay mapped until the stream is over and the last loan has ended. The
/// bytes of a buffer on loan do not change, because only a returned buffer is queued, and because
/// only buffers of drivers that `lending` knows are lent.
#[derive(Default)]
pub struct Buffers {
    mappings: Vec<Box<dyn MappedBuffer>>,
    desk: Mutex<Desk>,
}

/// State that the end of a loan changes.
#[derive(Default)]
struct Desk {
    /// Queues returned buffers; `None` once the stream is over.
    device: Option<Arc<dyn Device>>,
    lent: usize,
    /// A bit for each buffer that is not the driver's.
    ours: u32,
    /// Why a returned buffer could not be queued.
    failed: Option<io::Error>,
}

impl Buffers {
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

    /// Nothing panics while the desk is half changed, so a poisoned lock is still good.
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn count(&self) -> usize {
        self.mappings.len()
    }

    /// Bytes of all of them.
    pub fn mapped(&self) -> usize {
        self.mappings.iter().map(|m| m.length()).sum()
    }

    /// Bytes of one buffer; `None` if there is no such buffer.
    pub fn length(&self, index: u32) -> Option<usize> {
        self.mappings.get(index as usize).map(|m| m.length())
    }

    /// Takes the buffer over from the driver; false if it was taken before and not queued since.
    pub fn take(&self, index: u32) -> bool {
        let mut desk = self.desk();
        let bit = 1_u32.checked_shl(index).unwrap_or(0);
        let fresh = desk.ours & bit == 0;
        desk.ours |= bit;
        fresh
    }

    /// Notes that the buffer is about to be the driver's again.
    pub fn put(&self, index: u32) {
        self.desk().put(index);
    }

    /// Copies bytes of a buffer from the place `from` on; returns how many.
    pub fn copy(&self, index: u32, from: usize, to: &mut [u8]) -> usize {
        let mapping = self.mappings.get(index as usize);
        mapping.map_or(0, |mapping| mapping.copy(from, to))
    }

    /// Counts one more as lent.
    pub fn lend(&self) {
        self.desk().lent += 1;
    }

    /// Number of buffers on loan.
    pub fn lent(&self) -> usize {
        self.desk().lent
    }

    /// # Errors
    /// Once, the error of VIDIOC_QBUF if a returned buffer could not be queued.
    pub fn queued(&self) -> io::Result<()> {
        self.desk().failed.take().map_or(Ok(()), Err)
    }

    /// Queues no further buffers. Waits for a buffer that is being queued, so that the end of a
    /// loan never calls a driver that is stopping and may hang.
    pub fn close(&self) {
        self.desk().device = None;
    }
}

impl Desk {
    fn put(&mut self, index: u32) {
        self.ours &= !1_u32.checked_shl(index).unwrap_or(0);
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
        desk.put(index);
        if let Some(device) = &desk.device
            && let Err(error) = retry(|| device.queue(index))
        {
            desk.failed = Some(error);
        }
    }
}
