//! The size of a feature map.

/// A feature map: pixels of `channels` floats, filled to a multiple of 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeatureMap {
    /// Rows of pixels.
    pub height: usize,
    /// Pixels in a row.
    pub width: usize,
    /// Channels of a pixel, filled.
    pub channels: usize,
}

impl FeatureMap {
    /// Its number of pixels.
    pub fn pixels(self) -> usize {
        self.height * self.width
    }

    /// Its number of floats.
    pub fn floats(self) -> usize {
        self.pixels() * self.channels
    }
}
