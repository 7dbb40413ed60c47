//! From the model's input to its logits.
//!
//! [`Engine`] is the interface that the rest of the program sees, and [`open()`] chooses the
//! implementation. [`Head`] stands in for the network's own classifier. [`Card`] is the content of
//! the files beside the model. This room knows no frames and no meaning of labels.

pub mod bundle;
mod card;
mod classifier;
mod config;
mod describe;
mod digest;
mod ending;
mod error;
mod extent;
mod features;
mod feed;
mod hash;
mod head;
mod interface;
mod labels;
mod need;
mod onnx;
mod open;
mod ops;
pub mod pack;
mod prepared;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;

pub use card::{Card, Input, Resize};
pub use classifier::Classifier;
pub use config::Config;
pub use digest::{HexDigest, NotHex};
pub use error::Error;
pub use hash::sha256;
pub use head::{
    Class, Head, Known, MOST_LABELS, NOTHING, Quality, Rule, Taught, check_label, read_head,
    write_head,
};
pub use interface::{Description, Engine, Layer, Memory, Output};
pub use labels::Labels;
pub use onnx::Onnx;
pub use open::open;
pub use prepared::Prepared;

pub(crate) use config::locate;
pub(crate) use hash::verify_file;
pub(crate) use head::{dot, head_bytes};
pub(crate) use open::{
    Runner, Standing, cached, damaged, is_bundle, no_model, packed, runner, standing, stands_packed,
};
