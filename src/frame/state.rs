//! Whether the pictures of a camera show anything.

use std::fmt;

use serde::Serialize;

/// Whether the pictures of a camera show anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PictureState {
    /// They do, or nothing indicates otherwise.
    #[default]
    Ok,
    /// They are all dark: it is night, or something covers the lens.
    Dark,
    /// The same picture comes again and again, bit for bit: the camera hangs.
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
