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
    ///
    /// # Errors
    /// What the system says.
    pub fn new(descriptor: RawFd, length: usize, offset: libc::off_t) -> io::Result<Self> {
        // SAFETY: a new mapping at an address of the kernel's choice; it touches no memory that is
        // in use.
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

// SAFETY: the mapping belongs to this value alone and may be read and unmapped from any thread.
unsafe impl Send for Mapped {}
// SAFETY: it is only read, and that from any thread; unmapping needs the value itself.
unsafe impl Sync for Mapped {}

impl MappedBuffer for Mapped {
    fn length(&self) -> usize {
        self.length
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: `start` is mapped readable for `length` bytes until drop, which no borrow
        // outlives, whether the device is still there or not. The driver writes to it only while it
        // owns the buffer; the stream looks only while it does not, by the `Filled` or the `Loan`
        // without which a buffer is not queued.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.length) }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: the very mapping that was made, unmapped once. A failure leaves nothing to do.
        let _ = unsafe { v4l::v4l2::munmap(self.start.as_ptr().cast(), self.length) };
    }
}
