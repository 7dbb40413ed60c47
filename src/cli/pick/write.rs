//! Picked frames as files, with a page that shows them.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::candidates::Candidate;
use super::held::Held;
use super::page::{self, Shown};
use crate::cli::moment;
use crate::exit;
use crate::frame::Frame;
use crate::record::{Encoder, place};
use crate::setup::Failure;
use crate::source;
use crate::vision;

/// The quality of JPEG files of frames that were none, of 100.
const QUALITY: u8 = 95;
/// A file's name until all of it is written.
const UNFINISHED: &str = ".unfinished";
/// How the name of the picture of a candidate begins.
const HELD: &str = ".candidate-";
/// The most characters of a film's name in the names of its pictures.
const LONGEST: usize = 60;

/// The folder of pictures that is being written.
pub(super) struct Pictures {
    folder: PathBuf,
    /// The recording, as the user calls it.
    recording: String,
    /// The name of the film, if the frames are one.
    film: Option<String>,
    encoder: Encoder,
    names: HashSet<String>,
    shown: Vec<Shown>,
    /// A picture that has to be encoded.
    bytes: Vec<u8>,
}

impl Pictures {
    /// For frames of the recording at `path`, which are a film or each a picture of its own. The
    /// masks of `vision`, which has passed its check, are black in what is written.
    ///
    /// # Errors
    /// The folder cannot be created.
    pub fn new(
        folder: &Path,
        vision: &vision::Config,
        path: &Path,
        film: bool,
    ) -> Result<Self, Failure> {
        fs::create_dir_all(folder).map_err(|e| failed(folder, &e))?;
        Ok(Self {
            folder: folder.into(),
            recording: source::shown_path(path).display().to_string(),
            film: film.then(|| film_name(path)),
            encoder: Encoder::new(vision),
            names: HashSet::new(),
            shown: Vec::new(),
            bytes: Vec::new(),
        })
    }

    /// Keeps the picture of a frame that may be picked, because its recording comes once. None
    /// where the frame cannot be encoded.
    ///
    /// # Errors
    /// The disk is full, or the folder cannot be written.
    pub fn hold(&mut self, frame: &Frame) -> Result<Option<Held>, Failure> {
        let path = self.folder.join(format!("{HELD}{}", frame.seq));
        let unfinished = self.folder.join(UNFINISHED);
        let Some(data) = self.picture(frame) else {
            return Ok(None);
        };
        place(&unfinished, &path, data).map_err(|e| failed(&path, &e))?;
        Ok(Some(Held::new(path)))
    }

    /// Gives a picture that was held its name, as one that is picked.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn take(&mut self, candidate: &Candidate) -> Result<(), Failure> {
        let Some(held) = &candidate.held else {
            return Ok(());
        };
        let (path, shown) = self.name(candidate);
        fs::rename(held.path(), &path).map_err(|e| failed(&path, &e))?;
        self.shown.push(shown);
        Ok(())
    }

    /// Writes one frame.
    ///
    /// # Errors
    /// The disk is full, or the folder cannot be written.
    pub fn add(&mut self, frame: &Frame, candidate: &Candidate) -> Result<(), Failure> {
        let (path, shown) = self.name(candidate);
        let unfinished = self.folder.join(UNFINISHED);
        let Some(data) = self.picture(frame) else {
            return Ok(());
        };
        place(&unfinished, &path, data).map_err(|e| failed(&path, &e))?;
        self.shown.push(shown);
        Ok(())
    }

    /// The file of a frame: a JPEG picture as it came, if no mask has to be black in it. None,
    /// which is logged, where it cannot be encoded.
    fn picture<'a>(&'a mut self, frame: &'a Frame) -> Option<&'a [u8]> {
        if self.encoder.may_copy(frame) {
            return Some(&frame.data);
        }
        match self.encoder.jpeg(frame, QUALITY, &mut self.bytes) {
            Ok(()) => Some(&self.bytes),
            Err(e) => {
                log::warn!("frame {} {}: {e}; passed over", frame.seq, frame.name);
                None
            }
        }
    }

    /// Where the picture of a candidate goes, and how the page shows it.
    fn name(&mut self, candidate: &Candidate) -> (PathBuf, Shown) {
        let (stem, caption) = match &self.film {
            Some(film) => (
                moment::name(film, candidate.elapsed),
                format!("{} · frame {}", clock(candidate.elapsed), candidate.seq),
            ),
            None => {
                let stem = Path::new(&candidate.path).file_stem().unwrap_or_default();
                (stem.to_string_lossy().into(), String::new())
            }
        };
        let file = unused(&mut self.names, &stem);
        let path = self.folder.join(&file);
        let caption = if caption.is_empty() {
            file.clone()
        } else {
            caption
        };
        (path, Shown { file, caption })
    }

    /// Writes the page. Returns what was written beside it.
    ///
    /// # Errors
    /// The disk is full, or the folder cannot be written.
    pub fn finish(self) -> Result<Vec<Shown>, Failure> {
        let path = self.folder.join(page::NAME);
        let html = page::html(&self.recording, &self.folder, &self.shown);
        place(&self.folder.join(UNFINISHED), &path, html.as_bytes())
            .map_err(|e| failed(&path, &e))?;
        Ok(self.shown)
    }
}

fn failed(path: &Path, cause: &std::io::Error) -> Failure {
    let message = format!("{}: cannot be written: {cause}", path.display());
    Failure::new(exit::IO, message)
}

/// The name of the film at `path` that the names of its pictures begin with: of characters that no
/// shell and no file system takes amiss.
fn film_name(path: &Path) -> String {
    let name = if path.is_dir() {
        // `.` and `..` have no name of their own.
        let whole = fs::canonicalize(path);
        let name = whole.as_deref().unwrap_or(path).file_name();
        name.map(|name| name.to_string_lossy().into_owned())
    } else {
        path.file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
    };
    let plain = |c: char| {
        if c.is_alphanumeric() || "_.".contains(c) {
            c
        } else {
            '-'
        }
    };
    let name: String = name
        .unwrap_or_default()
        .chars()
        .map(plain)
        .take(LONGEST)
        .collect();
    match name.trim_matches(['-', '.']) {
        "" => "film".into(),
        name => name.into(),
    }
}

/// The name of a JPEG file that is not yet among `names`.
fn unused(names: &mut HashSet<String>, stem: &str) -> String {
    let mut name = format!("{stem}.jpg");
    for number in 2.. {
        if names.insert(name.clone()) {
            break;
        }
        name = format!("{stem}_{number}.jpg");
    }
    name
}

/// A time in a film, as in `0:01:23.4`.
fn clock(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    format!(
        "{}:{:02}:{:02}.{}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        elapsed.subsec_millis() / 100
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_each_is_given_once() {
        let name = |path: &str| film_name(Path::new(path));
        assert_eq!(name("/a/front door.mp4"), "front-door");
        assert_eq!(name("-rf.mp4"), "rf");
        assert_eq!(name("Tür.mjpeg"), "Tür");
        assert_eq!(name("\n.mp4"), "film");
        assert_eq!(name("/"), "film");
        assert_eq!(name(&format!("{}.mp4", "x".repeat(300))).len(), LONGEST);
        let mut names = HashSet::new();
        let given = ["a", "a", "a", "b"].map(|stem| unused(&mut names, stem));
        assert_eq!(given, ["a.jpg", "a_2.jpg", "a_3.jpg", "b.jpg"]);
    }

    #[test]
    fn times_are_shown_to_a_tenth_of_a_second() {
        assert_eq!(clock(Duration::from_millis(83_460)), "0:01:23.4");
        assert_eq!(clock(Duration::from_secs(36_000)), "10:00:00.0");
    }
}
