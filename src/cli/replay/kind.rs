//! What the frames of a recording are to its user: a film, or pictures that have nothing to do with
//! each other.

use std::path::Path;

use super::frames::Frames;

/// What the frames of a recording are to its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    /// They follow one another in time.
    Film,
    /// Unrelated pictures of this folder.
    Folder(&'a Path),
    /// One picture.
    Picture,
}

impl<'a> Kind<'a> {
    /// The kind of the recording at `path` with these `frames`, to which the user has given a pace
    /// if it is `paced`.
    pub fn of(frames: &Frames, path: &'a Path, paced: bool) -> Self {
        match frames {
            Frames::Sorted(_) => return Self::Folder(path),
            Frames::One(recording) if recording.is_film(paced) => return Self::Film,
            Frames::One(_) => {}
        }
        if !path.is_dir() {
            return Self::Picture;
        }
        log::info!(
            "{}: without a manifest, each picture is classified alone; --fps 10 takes them for a film",
            path.display()
        );
        Self::Folder(path)
    }

    /// A word for `count` of its frames.
    pub const fn noun(self, count: u64) -> &'static str {
        match (self, count) {
            (Self::Film, 1) => "frame",
            (Self::Film, _) => "frames",
            (_, 1) => "picture",
            _ => "pictures",
        }
    }
}
