//! A buffer of the driver in this process's memory.

use std::io;
use std::os::fd::RawFd;
use std::ptr::NonNull;

use crate::source::camera::system::MappedBuffer;

/// A mapped buffer of the driver.
pub struct Mapped {
    start: NonNull<u8>,
    length: usize,
}

impl Mapped {
    /// Maps `length` bytes of the open node from `offset` on, for reading.
    pub fn new(descriptor: RawFd, length: usize, offset: libc::off_t) -> io::Result<Self> {
        // SAFETY: without a fixed address the kernel places the mapping where none is, so it
        // changes no memory in use. A wrong descriptor, length or offset is an error, not undefined
        // behaviour.
        let start = unsafe {
            v4l::v4l2::mmap(
                std::ptr::null_mut(),
                length,
                libc::PROT_READ,
                libc::MAP_SHARED,
                descriptor,
                offset,
            )?
        };
        let start = NonNull::new(start.cast::<u8>())
            .ok_or_else(|| io::Error::from_raw_os_error(libc::ENOMEM))?;
        Ok(Self { start, length })
    }
}

// SAFETY: the mapping belongs to this value alone, is not tied to the thread that made it, and may
// be read and unmapped from any thread.
unsafe impl Send for Mapped {}
// SAFETY: a shared reference only reads the mapping, which any number of threads may do at once;
// unmapping needs the value itself.
unsafe impl Sync for Mapped {}

impl MappedBuffer for Mapped {
    fn length(&self) -> usize {
        self.length
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: `start` is mapped and readable for `length` bytes until drop, even after the
        // device was unplugged, and no borrow outlives the drop. Bytes need no alignment, and any
        // value is valid. The driver writes only while it owns the buffer. `Stream` and `Loan` read
        // only while it does not: both hold the right without which the buffer is not queued.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.length) }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: `start` and `length` are those that `mmap` returned, and drop runs once, when no
        // borrow is left. A failure would leave the mapping in place, which is sound.
        let _ = unsafe { v4l::v4l2::munmap(self.start.as_ptr().cast(), self.length) };
    }
}
