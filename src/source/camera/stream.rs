//! Streaming through mapped buffers: who owns which buffer, and nothing else.
//!
//! A [`Filled`] is the right to read one buffer and to give it back once. There is no other way to queue a buffer,
//! so one that the kernel owns is never queued again, whatever a time-out or a signal does in between.

use std::io;
use std::time::Duration;

use v4l::buffer::Flags;

use super::system::{Device, Mapping};

/// More than any driver gives for the 8 that can be asked for.
const MOST_BUFFERS: u32 = 32;
/// Interrupted calls are repeated this often before they are taken for a failure.
const INTERRUPTS: u32 = 64;

/// A device that streams. Dropping it stops the stream, unmaps the buffers and closes the device, and cannot fail.
pub struct Stream {
    mappings: Vec<Box<dyn Mapping>>,
    device: Box<dyn Device>,
}

/// A buffer that the driver has filled and that is ours until it is given back.
#[derive(Debug)]
pub struct Filled {
    index: u32,
    /// Bytes of the picture, never more than are mapped.
    pub used: usize,
    /// Whether the driver says that the picture is damaged.
    pub error: bool,
    /// The driver's count of frames.
    pub sequence: u32,
    /// When it was captured; `None` where the driver does not use the monotonic clock.
    pub timestamp: Option<Duration>,
}

impl Stream {
    /// Asks for `count` buffers, maps and queues what the driver gives, and starts the stream.
    ///
    /// # Errors
    /// The step that failed, and what the system said. Everything that was made is undone.
    pub fn start(device: Box<dyn Device>, count: u32) -> Result<Self, (&'static str, io::Error)> {
        let given = retry(|| device.request_buffers(count));
        let mut stream = Self {
            mappings: Vec::new(),
            device,
        };
        let given = given.map_err(|e| ("REQBUFS", e))?;
        if given == 0 || given > MOST_BUFFERS {
            let error = io::Error::other(format!("the driver gave {given} buffers"));
            return Err(("REQBUFS", error));
        }
        for index in 0..given {
            let mapping = retry(|| stream.device.map(index)).map_err(|e| ("mmap", e))?;
            stream.mappings.push(mapping);
        }
        for index in 0..given {
            retry(|| stream.device.queue(index)).map_err(|e| ("QBUF", e))?;
        }
        retry(|| stream.device.stream_on()).map_err(|e| ("STREAMON", e))?;
        Ok(stream)
    }

    /// How many buffers the driver gave.
    pub fn buffers(&self) -> usize {
        self.mappings.len()
    }

    /// Bytes that are mapped in all.
    pub fn mapped(&self) -> usize {
        self.mappings.iter().map(|m| m.length()).sum()
    }

    /// Waits until a buffer is ready or the time is over, and says which. A signal ends the wait early.
    ///
    /// # Errors
    /// What poll gave, EINTR and EAGAIN aside.
    pub fn wait(&self, time: Duration) -> io::Result<bool> {
        match self.device.poll(time) {
            Err(e) if passing(&e) => Ok(false),
            other => other,
        }
    }

    /// Takes a buffer that is ready; `None` if there is none.
    ///
    /// # Errors
    /// What VIDIOC_DQBUF gave, EINTR and EAGAIN aside.
    pub fn take(&mut self) -> io::Result<Option<Filled>> {
        let buffer = match self.device.dequeue() {
            Ok(buffer) => buffer,
            Err(e) if passing(&e) => return Ok(None),
            Err(e) => return Err(e),
        };
        let Some(mapping) = self.mappings.get(buffer.index as usize) else {
            let index = buffer.index;
            return Err(io::Error::other(format!(
                "the driver gave buffer {index}, which does not exist"
            )));
        };
        let monotonic = buffer.flags & Flags::TIMESTAMP_MASK == Flags::TIMESTAMP_MONOTONIC;
        Ok(Some(Filled {
            index: buffer.index,
            used: (buffer.used as usize).min(mapping.length()),
            error: buffer.flags.contains(Flags::ERROR),
            sequence: buffer.sequence,
            timestamp: monotonic.then_some(buffer.timestamp),
        }))
    }

    /// Shows the picture in the buffer, cut to what the driver wrote.
    pub fn look(&self, filled: &Filled, mut look: impl FnMut(&[u8])) {
        if let Some(mapping) = self.mappings.get(filled.index as usize) {
            mapping.look(&mut |bytes| look(&bytes[..filled.used.min(bytes.len())]));
        }
    }

    /// Gives the buffer back to the driver.
    ///
    /// # Errors
    /// What VIDIOC_QBUF gave.
    pub fn give_back(&mut self, filled: Filled) -> io::Result<()> {
        retry(|| self.device.queue(filled.index))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // A device that is gone fails both calls; what matters is that the mappings and the descriptor go too.
        let _ = self.device.stream_off();
        self.mappings.clear();
        let _ = self.device.request_buffers(0);
    }
}

fn passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock
    )
}

/// Repeats a call that a signal interrupted.
fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for _ in 0..INTERRUPTS {
        match call() {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
    Err(io::Error::from_raw_os_error(libc::EINTR))
}
