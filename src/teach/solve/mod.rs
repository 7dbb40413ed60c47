//! Linear algebra in f64.

mod triangle;

pub(super) use triangle::Triangle;
