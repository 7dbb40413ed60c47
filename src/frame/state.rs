//! Whether pictures show anything at all.

use std::fmt;

use serde::Serialize;

/// Whether the pictures that come show anything at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PictureState {
    /// They do, as far as can be told.
    #[default]
    Ok,
    /// They are all dark: it is night, or something covers the lens.
    Dark,
    /// The very same picture comes again and again, bit for bit: the camera has stopped to look.
    Stuck,
}

impl fmt::Display for PictureState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Dark => "dark",
            Self::Stuck => "stuck",
        })
    }
}
