//! What a folder of lessons holds, told without a change and without the folder's lock.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::folder::{Error, examples_path, head_path, others_in};
use super::{Config, fitting, record, store};
use crate::engine::{self, HexDigest};
use crate::files;

/// The most labels that the line names.
const NAMED: usize = 10;

/// What is there of one model, and which files there are of others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Inventory {
    folder: PathBuf,
    /// The labels, and how many examples each has.
    labels: BTreeMap<String, usize>,
    examples: usize,
    /// Bytes of their file.
    bytes: usize,
    /// Places of the file that are damaged.
    damaged: usize,
    /// Why the head that was fitted last cannot be used; null where it can, or there is none.
    head_trouble: Option<String>,
    /// Files of the examples of other models.
    others: Vec<String>,
}

impl Inventory {
    /// Looks into the folder at `path`, of which a daemon would use the examples of the model
    /// `backbone` with so many `features`.
    ///
    /// # Errors
    /// A daemon could not use the folder, for the same reason.
    pub fn of(
        config: &Config,
        path: &Path,
        backbone: &HexDigest,
        features: usize,
    ) -> Result<Self, Error> {
        let mut held = Self {
            folder: path.into(),
            ..Self::default()
        };
        // What is not there would be made.
        let there = path.ancestors().find(|folder| folder.exists());
        let there = there.unwrap_or(Path::new("."));
        files::probe_folder(there).map_err(|cause| Error::io(path, cause))?;
        if there != path {
            return Ok(held);
        }
        held.others = others_in(path, backbone);
        let file = examples_path(path, backbone);
        let features = fitting::bytes(features);
        let bytes = match files::read(&file, store::largest_file(features)) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(held),
            Err(cause) => return Err(Error::io(&file, cause)),
        };
        held.bytes = bytes.len();
        if !bytes.starts_with(&record::header(backbone, features)) {
            held.damaged = 1;
            return Ok(held);
        }
        let found = record::read(&bytes, features);
        held.damaged = found.damaged.len();
        held.examples = found.examples.len();
        if held.examples > config.max_examples {
            return Err(Error::TooMany {
                path: file,
                found: held.examples,
                most: config.max_examples,
            });
        }
        for (_, example) in found.examples {
            *held.labels.entry(example.label).or_default() += 1;
        }
        held.head_trouble = head_trouble(path, backbone);
        Ok(held)
    }

    /// The same in one line.
    pub fn says(&self) -> String {
        let mut says = match self.examples {
            0 => "no examples".to_string(),
            count => {
                let each = self.labels.iter().map(|(label, n)| format!("{label} {n}"));
                let mut each: Vec<String> = each.take(NAMED).collect();
                if self.labels.len() > NAMED {
                    each.push(format!("{} more labels", self.labels.len() - NAMED));
                }
                let s = if count == 1 { "" } else { "s" };
                format!(
                    "{count} example{s} ({}), {} bytes",
                    each.join(", "),
                    self.bytes
                )
            }
        };
        says += &format!(" in {}", self.folder.display());
        match self.damaged {
            0 => {}
            _ if self.examples == 0 => {
                says += "; its file is damaged or of something else, and a start sets it aside";
            }
            1 => says += "; one place of the file is damaged, and a start leaves it out",
            n => {
                says +=
                    &format!("; {n} places of the file are damaged, and a start leaves them out")
            }
        }
        if let Some(why) = &self.head_trouble {
            says += &format!("; {why}, and a start fits it again");
        }
        if !self.others.is_empty() {
            says += &format!("; of other models: {}", self.others.join(", "));
        }
        says
    }
}

/// Why the head in the folder at `path` cannot be used.
fn head_trouble(path: &Path, backbone: &HexDigest) -> Option<String> {
    let head = head_path(path, backbone);
    let read = engine::read_head(&head).and_then(|(taught, _)| taught.fits(backbone));
    match read {
        Ok(()) => None,
        Err(engine::Error::Io { cause, .. }) if cause.kind() == ErrorKind::NotFound => None,
        Err(why) => Some(why.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::lessons::folder::Folder;
    use crate::lessons::record::tests::{FEATURES, example};
    use crate::lessons::store::Store;

    const MODEL: &str = "6fef886a913d201fa2201a7f01c1fb6f028d983b10da78cad39422a932f34486";

    fn model() -> HexDigest {
        MODEL.parse().unwrap()
    }

    fn look(path: &Path) -> Result<Inventory, Error> {
        let width = FEATURES - size_of::<f32>();
        Inventory::of(&Config::default(), path, &model(), width)
    }

    /// A folder with three examples, and the path of their file.
    fn taught() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let opened = Folder::open(folder.path()).unwrap();
        let (mut store, _) = Store::open(&opened, &model(), FEATURES, 10).unwrap();
        for (n, label) in ["open", "shut", "open"].into_iter().enumerate() {
            store.add(example(label, n as u8)).unwrap();
        }
        let path = store.path().to_path_buf();
        (folder, path)
    }

    #[test]
    fn labels_and_examples_are_told_beside_a_running_daemon() {
        let (folder, path) = taught();
        let _daemon = Folder::open(folder.path()).unwrap();
        let held = look(folder.path()).unwrap();
        let bytes = fs::metadata(&path).unwrap().len();
        let wanted = format!(
            "3 examples (open 2, shut 1), {bytes} bytes in {}",
            folder.path().display()
        );
        assert_eq!(held.says(), wanted);
        let json = serde_json::to_value(&held).unwrap();
        assert_eq!(
            (&json["labels"]["open"], &json["damaged"]),
            (&2.into(), &0.into())
        );
    }

    #[test]
    fn damage_is_told_and_nothing_is_changed() {
        let (folder, path) = taught();
        let whole = fs::read(&path).unwrap();
        let mut flipped = whole.clone();
        let last = flipped.len() - 1;
        flipped[last] ^= 1;
        let head = head_path(folder.path(), &model());
        for (bytes, says) in [
            (&flipped[..], "2 examples (open 1, shut 1)"),
            (&flipped[..], "; one place of the file is damaged"),
            (&b"nonsense"[..], "no examples in "),
            (
                &b"nonsense"[..],
                "; its file is damaged or of something else",
            ),
            (&whole[..], "a start fits it again"),
        ] {
            fs::write(&path, bytes).unwrap();
            fs::write(&head, "nonsense").unwrap();
            let told = look(folder.path()).unwrap().says();
            assert!(told.contains(says), "{told}");
            assert_eq!(fs::read(&path).unwrap(), bytes);
        }
        let names = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(names, 3, "the examples, the head and the lock");
    }

    #[test]
    fn a_folder_that_no_daemon_could_use_is_refused() {
        let (folder, path) = taught();
        let few = Config {
            max_examples: 2,
            ..Config::default()
        };
        let width = FEATURES - size_of::<f32>();
        let refused = Inventory::of(&few, folder.path(), &model(), width).unwrap_err();
        assert_eq!(refused.exit_code(), 78);
        let refused = look(&path).unwrap_err();
        assert!(refused.to_string().contains("name a folder"), "{refused}");
        // One that is not there yet would be made.
        let held = look(&folder.path().join("new/er")).unwrap();
        assert!(held.says().starts_with("no examples in "));
        assert!(!folder.path().join("new").exists());
    }
}
