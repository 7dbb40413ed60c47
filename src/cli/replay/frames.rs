//! Where the frames of a replay come from: a recording, or a folder with a folder for each label.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::vec;

use super::Options;
use crate::cli::teach::Survey;
use crate::config::Config;
use crate::exit;
use crate::frame::Frame;
use crate::setup::Failure;
use crate::signals::Stop;
use crate::source::{self, Fetched, Named, Recording, RecordingOptions, is_listed};

/// Where frames come from.
pub(super) enum Frames {
    One(Recording),
    Sorted(Sorted),
}

/// Pictures that lie in a folder for each label.
pub(super) struct Sorted {
    survey: Survey,
    rest: vec::IntoIter<PathBuf>,
    now: Option<Recording>,
    options: RecordingOptions,
    budget: usize,
    /// Frames so far.
    seq: u64,
}

impl Frames {
    /// Opens what the options name, for one round.
    pub fn open(options: &Options, config: &Config, stop: &Stop) -> Result<Self, Failure> {
        let recording_options = RecordingOptions {
            frame_rate: config.source.frame_rate,
            pace: options.fps,
            looping: false,
        };
        let budget = config.memory.bytes();
        if is_sorted(&options.path) {
            if options.realtime || options.fps.is_some() {
                let message = format!(
                    "{}: it has a folder for each label, and such pictures have no pace; leave out --realtime and --fps",
                    options.path.display()
                );
                return Err(Failure::new(exit::USAGE, message));
            }
            let survey = Survey::of(&options.path, &config.observe.unknown)?;
            log::info!(
                "{}: the folders are labels ({}), and each picture is classified alone",
                options.path.display(),
                survey.labels.len()
            );
            let all: Vec<PathBuf> = survey.labels.values().flatten().cloned().collect();
            return Ok(Self::Sorted(Sorted {
                survey,
                rest: all.into_iter(),
                now: None,
                options: recording_options,
                budget,
                seq: 0,
            }));
        }
        let mut recording = Recording::open_until(&options.path, recording_options, stop)?;
        recording.heed(budget);
        Ok(Self::One(recording))
    }

    /// The number of frames, where it is known in advance.
    pub fn len_hint(&self) -> Option<u64> {
        match self {
            Self::One(recording) => recording.len_hint(),
            Self::Sorted(sorted) => (!sorted.survey.films).then_some(sorted.survey.pictures),
        }
    }

    /// Returns true if one file or pipe holds many frames.
    pub fn is_one_file_of_many(&self) -> bool {
        matches!(self, Self::One(recording) if recording.is_one_file_of_many())
    }

    /// The labels of the folders, in order; none where folders are no labels.
    pub fn truths(&self) -> Vec<String> {
        match self {
            Self::One(_) => Vec::new(),
            Self::Sorted(sorted) => sorted.survey.labels.keys().cloned().collect(),
        }
    }

    /// Fills `frame` with the next picture; see [`Recording::step`].
    pub fn step(&mut self, frame: &mut Frame) -> Result<Fetched, source::Error> {
        match self {
            Self::One(recording) => recording.step(frame),
            Self::Sorted(sorted) => sorted.step(frame),
        }
    }
}

impl Sorted {
    fn step(&mut self, frame: &mut Frame) -> Result<Fetched, source::Error> {
        loop {
            let Some(recording) = &mut self.now else {
                let Some(path) = self.rest.next() else {
                    return Ok(Fetched::End);
                };
                let mut recording = Recording::open(&path, self.options)?;
                recording.heed(self.budget);
                self.now = Some(recording);
                continue;
            };
            let fetched = recording.step(frame)?;
            match &fetched {
                Fetched::End => {
                    self.now = None;
                    continue;
                }
                Fetched::Idle => return Ok(fetched),
                Fetched::Lost { count, .. } => {
                    self.seq += count;
                    return Ok(fetched);
                }
                Fetched::Frame | Fetched::Bad { .. } => {}
            }
            // Numbers and times go on from one folder to the next.
            frame.seq = self.seq;
            let elapsed = Duration::try_from_secs_f64(self.seq as f64 / self.options.frame_rate);
            frame.captured.elapsed = elapsed.unwrap_or(Duration::MAX);
            self.seq += 1;
            return Ok(fetched);
        }
    }
}

/// Whether `path` is a folder of folders: one that has no picture of its own and no manifest, but
/// folders with pictures or films.
fn is_sorted(path: &Path) -> bool {
    let Ok(entries) = fs::read_dir(path) else {
        return false;
    };
    if is_listed(path) {
        return false;
    }
    let mut folders = false;
    for entry in entries.flatten() {
        let path = entry.path();
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if path.is_dir() {
            folders = folders || has_frames(&path);
        } else if Named::of(&path) == Named::Picture {
            return false;
        }
    }
    folders
}

/// Whether a folder has a picture or a film, or another folder that may have some.
fn has_frames(folder: &Path) -> bool {
    let Ok(mut entries) = fs::read_dir(folder) else {
        return false;
    };
    entries.any(|entry| {
        entry.is_ok_and(|entry| {
            let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            !hidden && (entry.path().is_dir() || Named::of(&entry.path()) != Named::Other)
        })
    })
}

/// The index of the label among `truths` whose folder, or film, in `folder` a path is in.
pub(super) fn truth(folder: &Path, truths: &[String], path: &str) -> Option<usize> {
    let inside = Path::new(path).strip_prefix(folder).ok()?;
    let first = inside.iter().next()?.to_str()?;
    let index = |name: &str| truths.iter().position(|truth| truth == name);
    index(first).or_else(|| index(Path::new(first).file_stem()?.to_str()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_folders_is_sorted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        assert!(!is_sorted(path) && !is_sorted(Path::new("/nowhere")));
        fs::create_dir(path.join("open")).unwrap();
        assert!(!is_sorted(path));
        fs::write(path.join("open/1.jpg"), "").unwrap();
        fs::write(path.join("notes.txt"), "").unwrap();
        fs::write(path.join(".1.jpg"), "").unwrap();
        assert!(is_sorted(path));
        fs::write(path.join("manifest.jsonl"), "").unwrap();
        assert!(!is_sorted(path));
        fs::remove_file(path.join("manifest.jsonl")).unwrap();
        fs::write(path.join("2.jpg"), "").unwrap();
        assert!(!is_sorted(path));
    }

    #[test]
    fn the_first_folder_is_the_label() {
        let truths = ["closed".to_string(), "open".into()];
        let of = |path| truth(Path::new("a/b"), &truths, path);
        assert_eq!(of("a/b/open/1.jpg"), Some(1));
        assert_eq!(of("a/b/closed/monday/1.jpg"), Some(0));
        assert_eq!(of("a/b/open.mp4"), Some(1));
        assert_eq!((of("a/b/ajar/1.jpg"), of("c/open/1.jpg")), (None, None));
    }
}
