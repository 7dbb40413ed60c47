//! YUV4MPEG2, the simplest form of raw video.

mod file;
mod header;
mod stream;

pub(super) use file::Y4mFile;
