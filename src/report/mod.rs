//! A replay as one HTML page, and what such a page remembers of an earlier replay. Pure: facts of
//! frames and pictures come in, text goes out.
//!
//! [`Gathered`] takes in frame by frame what the page needs, in bounded memory. [`html`] writes the
//! page. [`Earlier`] reads the data of a page that was written before.

mod about;
mod confusion;
mod data;
mod earlier;
mod gather;
mod interval;
mod lines;
mod page;
mod runs;
mod series;
mod shots;
mod verdict;

#[cfg(test)]
mod tests;

pub(crate) use about::{About, Ended, FileHash, MemoryLine};
pub(crate) use earlier::Earlier;
pub(crate) use gather::{Gathered, Seen};
pub(crate) use lines::Lines;
pub(crate) use page::html;
pub(crate) use shots::Picture;
#[cfg(test)]
use shots::Shot;

/// The most bytes of an earlier report that are read. A report has at most five million.
pub(crate) const EARLIER: u64 = 16 << 20;

/// The most bytes of a page, however long the replay.
#[cfg(test)]
const PAGE: usize = 5_000_000;

/// The most bytes that are held for a page while frames pass.
#[cfg(test)]
const GATHERED: usize = 8 << 20;
