//! One slice that tasks on several threads write to at once.

use std::marker::PhantomData;
use std::ops::Range;

/// A mutable slice that tasks share, each writing its own elements.
pub(super) struct SharedSlice<'a, T> {
    start: *mut T,
    length: usize,
    whole: PhantomData<&'a mut [T]>,
}

impl<T> Clone for SharedSlice<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for SharedSlice<'_, T> {}
// SAFETY: safe code only gets pointers from it, and `part` asks its caller that no other task uses
// the elements.
unsafe impl<T: Send> Sync for SharedSlice<'_, T> {}

impl<'a, T> SharedSlice<'a, T> {
    /// Shares `whole`.
    pub fn of(whole: &'a mut [T]) -> Self {
        Self {
            start: whole.as_mut_ptr(),
            length: whole.len(),
            whole: PhantomData,
        }
    }

    /// A pointer to the element at `offset`.
    ///
    /// # Panics
    /// When the slice is shorter.
    pub fn at(self, offset: usize) -> *mut T {
        assert!(offset <= self.length, "an offset outside the slice");
        // SAFETY: the offset is inside the slice.
        unsafe { self.start.add(offset) }
    }

    /// The elements of `range`.
    ///
    /// # Panics
    /// When they are not all in the slice.
    ///
    /// # Safety
    /// No other task uses any of them while the result lives.
    pub unsafe fn part(self, range: Range<usize>) -> &'a mut [T] {
        assert!(range.start <= range.end && range.end <= self.length);
        // SAFETY: the elements are in the slice, which is borrowed mutably for `'a`, and the caller
        // promises that only the result reaches them.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(range.start), range.len()) }
    }
}
