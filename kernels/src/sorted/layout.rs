//! How a prepared tile lies in memory.

/// Rows of a tile.
pub(super) const ROWS: usize = 4;

/// How a prepared tile starts; lists and bytes follow it.
///
/// Indices of groups, u16: one for each group, small ones from the front and middle ones from the
/// back, then again one for each group, of the wide ones. Bytes in the same order: 16 for each
/// group, row by row; then 32 for each wide one, for each row its first and third input and its
/// second and fourth, in 16 bits.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct TileHead {
    /// Inputs in fours.
    pub groups: u32,
    /// Small groups, an even number of them.
    pub small: u32,
    /// Where middle groups begin.
    pub middle: u32,
    /// Wide groups.
    pub wide: u32,
}

impl TileHead {
    /// Where the indices of small and middle groups begin.
    pub fn indices() -> usize {
        size_of::<Self>()
    }

    /// Where the indices of wide groups begin.
    pub fn wide_indices(groups: usize) -> usize {
        Self::indices() + groups * 2
    }

    /// Where the bytes of small and middle groups begin.
    pub fn bytes(groups: usize) -> usize {
        Self::indices() + groups * 4
    }

    /// Where the bytes of wide groups begin.
    pub fn wide_bytes(groups: usize) -> usize {
        Self::bytes(groups) + groups * 16
    }

    /// Bytes of a whole tile.
    pub fn size(groups: usize, wide: usize) -> usize {
        Self::wide_bytes(groups) + wide * 32
    }
}
