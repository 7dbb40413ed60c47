//! The heads: from the backbone's result to logits.
//!
//! [`Head`] runs. [`Taught`] is a head with all that its file holds, [`read_head`] and
//! [`write_head`] are that file.

mod bytes;
mod dot;
mod file;
mod format;
mod known;
mod linear;
mod stock;
mod taught;
#[cfg(test)]
mod tests;

pub use self::file::{read_head, write_head};
pub use self::known::Known;
pub use self::linear::Head;
pub use self::taught::{Class, MOST_LABELS, NOTHING, Quality, Rule, Taught, check_label};

pub(crate) use self::dot::dot;
pub(crate) use self::file::head_bytes;
pub(super) use self::stock::Stock;
