//! Reading the frames of one recording, whatever its container.

use crate::frame::{Captured, Frame};
use crate::source::parse::Fetched;
use crate::source::{Error, Footprint};

/// Reads a recording from its beginning to its end.
pub(super) trait Reader: Send {
    /// Fills the picture of `frame`. `frame.name` holds the recording's path; a reader of several
    /// files replaces it by the path of the frame's file, also where that file is bad.
    fn next(&mut self, frame: &mut Frame) -> Result<Fetched, Error>;

    /// Goes back to the beginning.
    fn rewind(&mut self) -> Result<(), Error>;

    /// The number of frames, where it is known.
    fn len_hint(&self) -> Option<u64> {
        None
    }

    /// Frames a second, where the recording stores it.
    fn frame_rate(&self) -> Option<f64> {
        None
    }

    /// Whether the recording itself tells that its frames follow one another in time, as a stream
    /// does.
    fn is_film(&self) -> bool {
        true
    }

    /// When the last frame was captured, counted from the first, where the recording stores it.
    fn captured(&self) -> Option<Captured> {
        None
    }

    /// The memory that its frames take, from headers and file sizes. Reads a bounded amount and
    /// waits for no frame.
    fn footprint(&self) -> Footprint;

    /// From here on, passes over frames that take more than `most`, where frames of one recording
    /// may differ in size and [`Reader::footprint`] does not know all of them.
    fn limit(&mut self, _most: Footprint) {}
}
