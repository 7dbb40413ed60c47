//! One file with all data of the int8 engine, mapped read-only.
//!
//! | bytes | content |
//! |---|---|
//! | 0..8 | `GOLDCRST` |
//! | 8..12 | number of the form |
//! | 12..16 | CRC-32 of everything after the first page |
//! | 16..24, 24..32 | length of the file, offset of the manifest |
//! | 32..64 | SHA-256 of everything after the first page |
//! | 64..68 | CRC-32 of the 64 bytes before |
//! | 72..96 | size and modification time of the ONNX file, and their CRC-32 |
//! | 4096.. | arrays, each aligned to 64 bytes, weights to 4096 |
//! | .. end | the manifest, in TOML |
//!
//! Numbers are little-endian. The same ONNX file gives the same bytes on every host, its
//! modification time apart. A bundle is
//! only replaced by renaming another one over it: a mapped file that is cut short would kill the
//! process.

mod check;
mod find;
mod header;
mod manifest;
mod mapped;
mod mismatch;
mod outline;
mod stamp;
mod unfit;
mod writer;

pub use find::{NAME, cache_folder, find, fresh};
pub use unfit::Unfit;

pub(crate) use check::MOST_CHANNELS;
pub(crate) use find::{fit, whole};
pub(crate) use manifest::{
    BlockEntry, DownEntry, HeadEntry, LinearEntry, Manifest, NormEntry, Section, StageEntry,
    StemEntry, filled, golden_input, is_name,
};
pub(crate) use mapped::{Bundle, map};
pub(crate) use outline::Outline;
pub(crate) use stamp::Stamp;
pub(crate) use unfit::other_model;
pub(crate) use writer::Writer;
