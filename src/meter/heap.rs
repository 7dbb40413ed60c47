//! The system's allocator with counters, so that "it does not grow" is a number.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static ALLOCATED: AtomicU64 = AtomicU64::new(0);
static FREED: AtomicU64 = AtomicU64::new(0);
static PEAK: AtomicU64 = AtomicU64::new(0);

/// Counts an allocation of `size` bytes.
fn count(size: usize) {
    ALLOCATIONS.fetch_add(1, Relaxed);
    let allocated = ALLOCATED.fetch_add(size as u64, Relaxed) + size as u64;
    PEAK.fetch_max(allocated.saturating_sub(FREED.load(Relaxed)), Relaxed);
}

/// The system's allocator, counted.
struct Counted;

#[global_allocator]
static COUNTED: Counted = Counted;

// SAFETY: every call goes to `System` unchanged; only counters are touched besides.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promises are passed on as they are.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        FREED.fetch_add(layout.size() as u64, Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both may stand for a moment, and count for the peak.
        count(size);
        FREED.fetch_add(layout.size() as u64, Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(ptr, layout, size) }
    }
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heap {
    /// Allocations since the process began, a reallocation counted as one.
    pub allocations: u64,
    /// Bytes allocated and not freed.
    pub live: i64,
}

impl Heap {
    /// Allocations since this was read, which it is again.
    pub(crate) fn since(&mut self) -> u64 {
        let before = std::mem::replace(self, now());
        self.allocations - before.allocations
    }
}

/// Reads the counters. They are those of all threads together.
pub fn now() -> Heap {
    Heap {
        allocations: ALLOCATIONS.load(Relaxed),
        live: ALLOCATED.load(Relaxed) as i64 - FREED.load(Relaxed) as i64,
    }
}

/// Begins a new peak at what is live now.
pub fn forget_peak() {
    PEAK.store(now().live.unsigned_abs(), Relaxed);
}

/// The most bytes that were live at once since [`forget_peak`].
pub fn peak() -> i64 {
    PEAK.load(Relaxed) as i64
}
