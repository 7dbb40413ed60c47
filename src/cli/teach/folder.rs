//! The folder of examples: a folder or a recording for each label.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::engine::{NOTHING, check_label};
use crate::exit;
use crate::setup::Failure;
use crate::source::Named;

/// How deep folders may lie in that of a label. Deeper ones, and links in a circle, are passed
/// over.
const DEPTH: usize = 4;

/// What a folder of examples holds.
#[derive(Debug, Default)]
pub(in crate::cli) struct Survey {
    /// The recordings of each label.
    pub labels: BTreeMap<String, Vec<PathBuf>>,
    /// Pictures, where their number is known without reading recordings.
    pub pictures: u64,
    /// Whether there are recordings whose length is not known.
    pub films: bool,
    /// Pictures that lie in no folder of a label.
    pub loose: u64,
}

impl Survey {
    /// Looks through `folder`. `unknown` is the text that is published where no label is known.
    ///
    /// Each visible folder in it is a label, with the pictures and the recordings in it and in
    /// its folders, and so is each recording, by its name.
    ///
    /// # Errors
    /// It is no folder, has no labels, or one that cannot be used; a label has no pictures.
    pub fn of(folder: &Path, unknown: &str) -> Result<Self, Failure> {
        let mut survey = Self::default();
        let entries = match visible(folder) {
            Err(e) if e.kind() == io::ErrorKind::NotADirectory => {
                let message =
                    "this is no folder; name one that holds a folder of pictures for each label";
                return Err(refusal(exit::USAGE, folder, message));
            }
            Err(e) => return Err(refusal(exit::NO_INPUT, folder, e)),
            Ok(entries) => entries,
        };
        for path in entries {
            let named = Named::of(&path);
            let name = if path.is_dir() {
                path.file_name()
            } else if named == Named::Film {
                path.file_stem()
            } else {
                survey.loose += u64::from(named == Named::Picture);
                continue;
            };
            let label = label(name.unwrap_or_default(), folder, unknown)?;
            let mut recordings = Vec::new();
            if path.is_dir() {
                survey.descend(&path, DEPTH, &mut recordings)?;
            } else {
                survey.films = true;
                recordings.push(path.clone());
            }
            if recordings.is_empty() {
                let message = format!(
                    "no pictures of {label:?} are in this folder; put some in, or remove it"
                );
                return Err(refusal(exit::NO_INPUT, &path, message));
            }
            survey.labels.entry(label).or_default().extend(recordings);
        }
        if survey.labels.is_empty() {
            return Err(refusal(exit::NO_INPUT, folder, survey.no_labels()));
        }
        Ok(survey)
    }

    fn no_labels(&self) -> String {
        let loose = match self.loose {
            0 => String::new(),
            1 => " but 1 picture".into(),
            n => format!(" but {n} pictures"),
        };
        format!(
            "no label has a folder here{loose}; make a folder for each label, such as open and closed, and move its pictures there"
        )
    }

    /// Adds the recordings in `folder`, and those in its folders down to this depth.
    fn descend(
        &mut self,
        folder: &Path,
        depth: usize,
        recordings: &mut Vec<PathBuf>,
    ) -> Result<(), Failure> {
        let entries = visible(folder).map_err(|e| refusal(exit::NO_INPUT, folder, e))?;
        let pictures = entries
            .iter()
            .filter(|path| Named::of(path) == Named::Picture && !path.is_dir())
            .count();
        if pictures > 0 {
            self.pictures += pictures as u64;
            recordings.push(folder.into());
        }
        for path in entries {
            if !path.is_dir() {
                if Named::of(&path) == Named::Film {
                    self.films = true;
                    recordings.push(path);
                }
            } else if depth > 0 {
                self.descend(&path, depth - 1, recordings)?;
            } else {
                log::warn!("{}: lies too deep; passed over", path.display());
            }
        }
        Ok(())
    }
}

fn refusal(code: u8, path: &Path, why: impl std::fmt::Display) -> Failure {
    Failure::new(code, format!("{}: {why}", path.display()))
}

/// The entries of `folder` that are not hidden, in the order of their names.
fn visible(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        if !name.starts_with(b".") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// The label that `name` of an entry of `folder` stands for.
fn label(name: &OsStr, folder: &Path, unknown: &str) -> Result<String, Failure> {
    let refuse = |why: String| Err(refusal(exit::DATA, folder, why));
    let Some(name) = name.to_str() else {
        return refuse(format!(
            "the name {} is not UTF-8, which a label must be; rename it",
            name.display()
        ));
    };
    if name == unknown {
        return refuse(format!(
            "the label {name:?} is also observe.unknown, which is published where no label is known; rename it, as in {NOTHING:?} for pictures of none of the others"
        ));
    }
    match check_label(name) {
        Ok(()) => Ok(name.into()),
        Err(why) => refuse(why),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            if !file.ends_with('/') {
                File::create(path).unwrap();
            }
        }
        folder
    }

    fn survey(files: &[&str]) -> Result<(tempfile::TempDir, Survey), Failure> {
        let folder = folder(files);
        let survey = Survey::of(folder.path(), "unknown")?;
        Ok((folder, survey))
    }

    #[test]
    fn folders_and_films_are_labels() {
        let (folder, survey) = survey(&[
            "open/1.jpg",
            "open/2.PNG",
            "open/notes.txt",
            "open/monday/3.jpeg",
            "open/film.mp4",
            "closed.mjpeg",
            "none/.1.jpg",
            "none/a/b/c/d/4.webp",
            "none/a/b/c/d/e/5.jpg",
            "loose.jpg",
            "index.html",
            ".hidden/1.jpg",
        ])
        .unwrap();
        let found: Vec<(&str, Vec<String>)> = survey
            .labels
            .iter()
            .map(|(label, paths)| {
                let of = |path: &PathBuf| {
                    path.strip_prefix(folder.path())
                        .unwrap()
                        .display()
                        .to_string()
                };
                (label.as_str(), paths.iter().map(of).collect())
            })
            .collect();
        assert_eq!(
            found,
            [
                ("closed", vec!["closed.mjpeg".to_string()]),
                ("none", vec!["none/a/b/c/d".into()]),
                (
                    "open",
                    vec!["open".into(), "open/film.mp4".into(), "open/monday".into()]
                ),
            ]
        );
        assert_eq!((survey.pictures, survey.films, survey.loose), (4, true, 1));
    }

    #[test]
    fn links_in_a_circle_end() {
        let folder = folder(&["open/1.jpg"]);
        std::os::unix::fs::symlink(folder.path(), folder.path().join("open/up")).unwrap();
        let survey = Survey::of(folder.path(), "unknown").unwrap();
        assert!(survey.labels["open"].len() <= DEPTH);
    }

    #[test]
    fn what_is_no_folder_of_labels_is_refused_in_one_line() {
        let long = format!("{}/1.jpg", "ä".repeat(65));
        for (files, code, says) in [
            (&["a.txt"][..], 66, "no label has a folder here; make"),
            (&["1.jpg", "2.jpg"], 66, "here but 2 pictures; make"),
            (
                &["open/1.jpg", "closed/a.txt"],
                66,
                "no pictures of \"closed\"",
            ),
            (&["unknown/1.jpg"], 65, "is also observe.unknown"),
            (&[" /1.jpg"], 65, "a label is blank"),
            (&["a\nb/1.jpg"], 65, "\"a\\nb\" has a control character"),
            (&[&long], 65, "has 65 characters"),
        ] {
            let refused = survey(files).unwrap_err();
            assert_eq!(refused.code, code, "{}", refused.message);
            assert!(refused.message.contains(says), "{}", refused.message);
            assert!(!refused.message.contains('\n'), "{}", refused.message);
        }
        assert!(survey(&[&format!("{}/1.jpg", "ä".repeat(64))]).is_ok());
        let missing = Survey::of(Path::new("/nowhere"), "unknown").unwrap_err();
        assert_eq!(missing.code, 66);
        let file = folder(&["file"]);
        let refused = Survey::of(&file.path().join("file"), "unknown").unwrap_err();
        assert_eq!(refused.code, 64);
        assert!(refused.message.contains("no folder"), "{}", refused.message);
    }
}
