//! Streaming through mapped buffers: it keeps track of who owns which buffer.
//!
//! A [`Filled`] is the right to read one buffer and to requeue it once, or to lend it to a frame,
//! which returns it when done. Nothing else queues a buffer, so one that the kernel owns is never
//! queued again, even after a time-out or a signal.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use v4l::buffer::Flags;

use super::buffers::Buffers;
use super::system::{Device, passing, retry};
use crate::frame::Loan;

/// More than any driver gives for the at most 8 that are requested.
const MOST_BUFFERS: u32 = 32;

/// A streaming device. Dropping it stops the stream, unmaps the buffers that are not on loan and
/// closes the device; this cannot fail.
pub struct Stream {
    buffers: Arc<Buffers>,
    device: Arc<dyn Device>,
}

/// A buffer that the driver has filled and does not own until it is requeued.
#[derive(Debug)]
pub struct Filled {
    index: u32,
    /// Bytes of the picture, never more than are mapped.
    pub used: usize,
    /// Whether the driver marks the picture as damaged.
    pub error: bool,
    /// The driver's count of frames.
    pub sequence: u32,
    /// When it was captured; `None` if the driver does not use the monotonic clock.
    pub timestamp: Option<Duration>,
}

impl Stream {
    /// Requests `count` buffers, maps and queues those that the driver gives, of at most `most`
    /// bytes each, and starts the stream. `admit` tells whether so many buffers may be mapped.
    ///
    /// # Errors
    /// The step that failed, with the system's error. Everything done before it is undone.
    pub fn start(
        device: Box<dyn Device>,
        count: u32,
        most: usize,
        admit: impl Fn(u32) -> io::Result<()>,
    ) -> Result<Self, (&'static str, io::Error)> {
        let device: Arc<dyn Device> = Arc::from(device);
        let given = retry(|| device.request_buffers(count));
        let mut stream = Self {
            buffers: Arc::default(),
            device,
        };
        let given = given.map_err(|e| ("REQBUFS", e))?;
        if given == 0 || given > MOST_BUFFERS {
            let error = io::Error::other(format!("the driver gave {given} buffers"));
            return Err(("REQBUFS", error));
        }
        if given != count {
            admit(given).map_err(|e| ("REQBUFS", e))?;
        }
        let mut mappings = Vec::new();
        for index in 0..given {
            mappings.push(retry(|| stream.device.map(index, most)).map_err(|e| ("mmap", e))?);
        }
        stream.buffers = Arc::new(Buffers::new(Arc::clone(&stream.device), mappings));
        for index in 0..given {
            retry(|| stream.device.queue(index)).map_err(|e| ("QBUF", e))?;
        }
        retry(|| stream.device.stream_on()).map_err(|e| ("STREAMON", e))?;
        Ok(stream)
    }

    /// Number of buffers that the driver gave.
    pub fn buffers(&self) -> usize {
        self.buffers.count()
    }

    /// Bytes of all buffers.
    pub fn mapped(&self) -> usize {
        self.buffers.mapped()
    }

    /// Whether all buffers are on loan, so that the driver has none to fill.
    pub fn starved(&self) -> bool {
        self.buffers.lent() >= self.buffers.count()
    }

    /// Waits for a ready buffer, at most for `time`; returns whether there is one. A signal ends
    /// the wait early.
    ///
    /// # Errors
    /// Those of poll, except EINTR and EAGAIN, and those of VIDIOC_QBUF when a loan ended.
    pub fn wait(&self, time: Duration) -> io::Result<bool> {
        self.buffers.queued()?;
        match self.device.poll(time) {
            Err(e) if passing(&e) => Ok(false),
            other => other,
        }
    }

    /// Takes a ready buffer; `None` if there is none.
    ///
    /// # Errors
    /// Those of VIDIOC_DQBUF, except EINTR and EAGAIN.
    pub fn take(&mut self) -> io::Result<Option<Filled>> {
        let buffer = match self.device.dequeue() {
            Ok(buffer) => buffer,
            Err(e) if passing(&e) => return Ok(None),
            Err(e) => return Err(e),
        };
        let Some(length) = self.buffers.length(buffer.index) else {
            let index = buffer.index;
            return Err(io::Error::other(format!(
                "the driver gave buffer {index}, which does not exist"
            )));
        };
        if !self.buffers.take(buffer.index) {
            let index = buffer.index;
            return Err(io::Error::other(format!(
                "the driver gave buffer {index}, which it did not own"
            )));
        }
        let monotonic = buffer.flags & Flags::TIMESTAMP_MASK == Flags::TIMESTAMP_MONOTONIC;
        Ok(Some(Filled {
            index: buffer.index,
            used: (buffer.used as usize).min(length),
            error: buffer.flags.contains(Flags::ERROR),
            sequence: buffer.sequence,
            timestamp: monotonic.then_some(buffer.timestamp),
        }))
    }

    /// Copies the first bytes of the buffer to `to`, as many as the driver wrote; returns how many.
    pub fn copy(&self, filled: &Filled, to: &mut [u8]) -> usize {
        let most = to.len().min(filled.used);
        self.buffers.copy(filled.index, 0, &mut to[..most])
    }

    /// The length of the JPEG picture in the buffer, as `frame::jpeg::length` has it. The end is
    /// looked for in copied parts: nothing says that the bytes stay as they are.
    pub fn jpeg_length(&self, filled: &Filled) -> Option<usize> {
        let mut part = [0; 4096];
        let copy = |from, to: &mut [u8]| self.buffers.copy(filled.index, from, to);
        let begin = copy(0, &mut part[..filled.used.min(3)]);
        if part[..begin] != [0xff, 0xd8, 0xff] {
            return None;
        }
        let mut end = filled.used;
        while end >= 2 {
            let from = end.saturating_sub(part.len());
            let got = copy(from, &mut part[..end - from]);
            let mut pairs = part[..got].windows(2);
            if let Some(at) = pairs.rposition(|pair| pair == [0xff, 0xd9]) {
                return Some(from + at + 2);
            }
            // The two bytes may lie in two parts.
            end = if from == 0 { 0 } else { from + 1 };
        }
        None
    }

    /// Lends the first `length` bytes of the buffer. The end of the loan requeues it, if the stream
    /// still runs.
    pub fn lend(&self, filled: Filled, length: usize) -> Loan {
        self.buffers.lend();
        let length = length.min(filled.used);
        Loan::new(Arc::clone(&self.buffers) as _, filled.index, length)
    }

    /// Requeues the buffer.
    ///
    /// # Errors
    /// Those of VIDIOC_QBUF.
    pub fn give_back(&mut self, filled: Filled) -> io::Result<()> {
        self.buffers.put(filled.index);
        retry(|| self.device.queue(filled.index))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // An unplugged device fails both calls; the mappings and the descriptor are released all
        // the same.
        self.buffers.close();
        let _ = self.device.stream_off();
        self.buffers = Arc::default();
        let _ = self.device.request_buffers(0);
    }
}
