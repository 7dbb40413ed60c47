//! What tasks on several threads write to at once.

/// A pointer that tasks on other threads may use, each for its own part.
pub(super) struct Part<T>(*mut T);

impl<T> Clone for Part<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Part<T> {}
// SAFETY: whoever makes one hands disjoint parts to the tasks.
unsafe impl<T: Send> Sync for Part<T> {}

impl<T> Part<T> {
    /// Of `whole`, which is borrowed for as long as the tasks run.
    pub fn of(whole: &mut [T]) -> Self {
        Self(whole.as_mut_ptr())
    }

    /// Where the part at `offset` begins.
    ///
    /// # Safety
    /// `offset` lies within what the part was made of.
    pub unsafe fn at(self, offset: usize) -> *mut T {
        // SAFETY: the caller's.
        unsafe { self.0.add(offset) }
    }
}
