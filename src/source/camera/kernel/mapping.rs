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
        // value is valid. The driver writes only while it owns the buffer. Only a `Loan` reads this
        // way: it holds the right without which the buffer is not queued, and `lending` makes loans
        // of those drivers alone that let nobody else write.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.length) }
    }

    fn copy(&self, from: usize, to: &mut [u8]) -> usize {
        let count = to.len().min(self.length.saturating_sub(from));
        // SAFETY: `count` bytes from `from` on are mapped and readable until drop, `to` is borrowed
        // for writing and has room for them, and the kernel placed the mapping where none of this
        // process's memory is, so the two do not overlap. No reference to the mapping is made:
        // another process may write to it, and whatever bytes come are valid.
        unsafe {
            let start = self.start.as_ptr().add(from.min(self.length));
            std::ptr::copy_nonoverlapping(start, to.as_mut_ptr(), count);
        }
        count
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: `start` and `length` are those that `mmap` returned, and drop runs once, when no
        // borrow is left. A failure would leave the mapping in place, which is sound.
        let _ = unsafe { v4l::v4l2::munmap(self.start.as_ptr().cast(), self.length) };
    }
}
