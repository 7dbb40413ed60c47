//! Parsers of streams of frames, for recordings and for sources that are live.

mod input;
mod jpeg;
mod raw;
mod splitter;
mod y4m;

pub(crate) use input::Fetched;
pub(in crate::source) use input::{Input, MAX_FILE, MAX_PICTURE};
pub(in crate::source) use jpeg::{EXTRA, as_jpeg};
pub(in crate::source) use raw::{RawFormat, RawStream};
pub(in crate::source) use splitter::{PART, Piece, SEGMENT, Splitter};
pub(in crate::source) use y4m::{StreamError, Y4mStream};
