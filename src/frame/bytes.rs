//! The bytes of a frame, its own or on loan.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// The bytes of a frame: its own, in a buffer that is reused, or on loan from a [`Lender`].
pub struct Bytes {
    own: Vec<u8>,
    loan: Option<Loan>,
}

/// Lends memory in numbered pieces, such as the buffers of a camera's driver.
pub(crate) trait Lender: Send + Sync {
    /// The bytes of a piece that is on loan.
    fn bytes(&self, piece: u32) -> &[u8];

    /// Takes the piece back; called once for each loan, from any thread.
    fn take_back(&self, piece: u32);
}

/// The right to read one piece of a lender's memory, until it is dropped.
pub(crate) struct Loan {
    lender: Arc<dyn Lender>,
    piece: u32,
    length: usize,
}

impl Loan {
    /// The first `length` bytes of `piece`, or all of it if it has fewer. The caller has exclusive
    /// use of the piece and lends it once.
    pub(crate) fn new(lender: Arc<dyn Lender>, piece: u32, length: usize) -> Self {
        Self {
            lender,
            piece,
            length,
        }
    }

    fn bytes(&self) -> &[u8] {
        let all = self.lender.bytes(self.piece);
        &all[..self.length.min(all.len())]
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        self.lender.take_back(self.piece);
    }
}

impl Bytes {
    /// No bytes.
    pub(crate) const fn new() -> Self {
        Self {
            own: Vec::new(),
            loan: None,
        }
    }

    /// The frame's own buffer, to be filled; ends a loan.
    pub fn own(&mut self) -> &mut Vec<u8> {
        self.give_back();
        &mut self.own
    }

    /// The frame's own buffer, empty, with room for `length` bytes and no more than was ever asked
    /// for; ends a loan. A buffer that is too small is freed before a larger one is made.
    pub fn cleared(&mut self, length: usize) -> &mut Vec<u8> {
        let own = self.own();
        own.clear();
        if own.capacity() < length {
            *own = Vec::new();
            own.reserve_exact(length);
        }
        own
    }

    /// Reads `loan` from here on. The own buffer is emptied and keeps its capacity.
    pub(crate) fn borrow(&mut self, loan: Loan) {
        self.own.clear();
        self.loan = Some(loan);
    }

    /// Ends the loan, if there is one, and is then empty; own bytes stay.
    pub(crate) fn give_back(&mut self) {
        self.loan = None;
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.loan {
            Some(loan) => loan.bytes(),
            None => &self.own,
        }
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(own: Vec<u8>) -> Self {
        Self { own, loan: None }
    }
}

impl Clone for Bytes {
    /// A copy with bytes of its own.
    fn clone(&self) -> Self {
        Self::from(self.to_vec())
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose = if self.loan.is_some() {
            "on loan"
        } else {
            "own"
        };
        write!(f, "{} bytes, {whose}", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Library {
        shelf: [[u8; 4]; 2],
        back: Mutex<Vec<u32>>,
    }

    impl Lender for Library {
        fn bytes(&self, piece: u32) -> &[u8] {
            &self.shelf[piece as usize]
        }

        fn take_back(&self, piece: u32) {
            self.back.lock().unwrap().push(piece);
        }
    }

    #[test]
    fn a_loan_is_read_in_place_and_given_back_once() {
        let library = Arc::new(Library {
            shelf: [[1, 2, 3, 4], [5, 6, 7, 8]],
            ..Library::default()
        });
        let loan = |piece, length| Loan::new(library.clone(), piece, length);
        let back = || library.back.lock().unwrap().clone();
        let mut bytes = Bytes::from(vec![9; 100]);
        bytes.borrow(loan(1, 3));
        assert_eq!(*bytes, [5, 6, 7]);
        assert_eq!(bytes.as_ptr(), library.shelf[1].as_ptr());
        bytes.borrow(loan(0, 99));
        assert_eq!((&*bytes, back()), (&[1, 2, 3, 4][..], vec![1]));
        let copy = bytes.clone();
        bytes.give_back();
        bytes.give_back();
        assert_eq!((bytes.len(), back()), (0, vec![1, 0]));
        assert_eq!(*copy, [1, 2, 3, 4]);
        drop(copy);
        bytes.borrow(loan(1, 4));
        assert_eq!(bytes.own().capacity(), 100);
        assert_eq!(back(), [1, 0, 1]);
        bytes.own().push(3);
        bytes.give_back();
        assert_eq!(*bytes, [3]);
        drop(bytes);
        assert_eq!(back(), [1, 0, 1]);
    }
}
