//! YUV4MPEG2, the simplest form of raw video.

mod header;
mod stream;

pub(in crate::source) use header::matrix;
pub(in crate::source) use stream::{StreamError, Y4mStream};
