//! One slice that tasks on several threads write to at once.

/// A mutable slice that tasks share, each writing its own elements.
pub(super) struct SharedSlice<T>(*mut T);

impl<T> Clone for SharedSlice<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for SharedSlice<T> {}
// SAFETY: the function that makes one gives disjoint elements to its tasks, so no element has two
// writers.
unsafe impl<T: Send> Sync for SharedSlice<T> {}

impl<T> SharedSlice<T> {
    /// Shares `whole`, which stays borrowed by the caller until the tasks have ended.
    pub fn of(whole: &mut [T]) -> Self {
        Self(whole.as_mut_ptr())
    }

    /// A pointer to the element at `offset`.
    ///
    /// # Safety
    /// `offset` lies within the shared slice.
    pub unsafe fn at(self, offset: usize) -> *mut T {
        // SAFETY: the caller promises that the offset is inside the slice.
        unsafe { self.0.add(offset) }
    }
}
