//! Teaching: from examples to a head, and how good it is.
//!
//! [`fit()`] is pure and deterministic: features in, a head out, without frames and files.

mod accuracy;
mod advice;
mod bursts;
mod calibrate;
mod compact;
mod doubles;
mod error;
mod examples;
mod farthest;
mod fit;
mod kinds;
mod solve;
mod space;

pub use compact::Compact;
pub use doubles::doubles;
pub use error::Error;
pub use examples::{Examples, MOST_EXAMPLES, Moment};
pub use farthest::farthest;
pub use fit::{Options, fit, memory};
