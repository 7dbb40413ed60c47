//! The heads: from the backbone's result to logits.

mod linear;
mod stock;
mod taught;

pub use self::linear::Head;
pub use self::taught::{Class, NOTHING, Quality, Rule, Taught};

pub(super) use self::stock::Stock;
