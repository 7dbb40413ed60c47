//! Keeps examples, fits heads to them, and tells what came of it.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::edges::Edges;
use super::folder::{Error, Folder};
use super::pictures;
use super::record::Example;
use super::store::Store;
use super::task::{Change, Did, News, State, Task};
use super::words::{kept, others, unknown};
use super::{Config, fitting};
use crate::engine::{self, HexDigest, Quality, Taught};

/// The owner of the folder.
#[derive(Debug)]
pub(super) struct Worker {
    folder: Folder,
    most: usize,
    backbone: HexDigest,
    /// The examples, or why there can be none.
    store: Result<Store, String>,
    quality: Option<Quality>,
    missing: Option<String>,
    /// The edges of the examples. Between two starts they are in the head's file.
    edges: Edges,
}

/// A worker, the head that is in force with its SHA-256, and lines to log.
type Opened = (Worker, Option<(Taught, HexDigest)>, Vec<String>);

impl Worker {
    /// Opens the folder at `path` for the model `backbone` that gives `features` features. Returns
    /// the head that was fitted to its examples last, and a line for each thing to log.
    ///
    /// # Errors
    /// The folder or the examples cannot be used.
    pub fn open(
        config: &Config,
        path: &Path,
        backbone: &HexDigest,
        features: Option<usize>,
    ) -> Result<Opened, Error> {
        let folder = Folder::open(path)?;
        let mut notes = Vec::new();
        let store = match features {
            Some(features) => {
                let bytes = fitting::bytes(features);
                let (store, more) = Store::open(&folder, backbone, bytes, config.max_examples)?;
                notes.extend(more);
                Ok(store)
            }
            None => Err(fitting::NO_FEATURES.to_string()),
        };
        notes.extend(others(&folder, backbone));
        let mut worker = Self {
            folder,
            most: config.max_examples,
            backbone: backbone.clone(),
            store,
            quality: None,
            missing: None,
            edges: Edges::default(),
        };
        let (head, more) = worker.read_head();
        notes.extend(more);
        Ok((worker, head, notes))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The head in the folder, if it belongs to the model and there are examples; and a line about
    /// one that cannot be read.
    fn read_head(&mut self) -> (Option<(Taught, HexDigest)>, Option<String>) {
        if !self.store.as_ref().is_ok_and(|s| !s.examples().is_empty()) {
            return (None, None);
        }
        let path = self.folder.head(&self.backbone);
        let read = engine::read_head(&path).and_then(|(taught, sha256)| {
            taught.fits(&self.backbone)?;
            Ok((taught, sha256))
        });
        match read {
            Ok(head) => {
                self.quality = Some(head.0.quality.clone());
                self.edges = Edges::of(&head.0);
                (Some(head), None)
            }
            Err(engine::Error::Io { cause, .. }) if cause.kind() == ErrorKind::NotFound => {
                (None, None)
            }
            Err(why) => {
                let line = format!("{why}; fitting it again to the examples");
                (None, Some(line))
            }
        }
    }

    /// Does `tasks`, each with its ticket, and then fits once if examples changed, or if `anew`.
    pub fn work(&mut self, tasks: Vec<(Option<u64>, Task)>, anew: bool) -> News {
        let mut answers = Vec::with_capacity(tasks.len());
        let (mut changed, mut switched) = (anew, false);
        for (ticket, task) in tasks {
            if let Task::Model { backbone, features } = task {
                switched |= self.switch(backbone, features);
                continue;
            }
            let done = self.obey(task);
            changed |= matches!(done, Ok(Did::Taught(_) | Did::Undid(_) | Did::Forgot(..)));
            answers.extend(ticket.map(|ticket| (ticket, done)));
        }
        let change = if changed || switched {
            self.fit(switched)
        } else {
            Change::None
        };
        News {
            answers,
            state: self.state(),
            change,
            backbone: self.backbone.clone(),
        }
    }

    /// Goes on with the examples of another model. Returns whether it is another.
    fn switch(&mut self, backbone: HexDigest, features: usize) -> bool {
        if backbone == self.backbone {
            return false;
        }
        self.backbone = backbone;
        self.quality = None;
        let before = engine::read_head(&self.folder.head(&self.backbone));
        self.edges = before.map_or_else(|_| Edges::default(), |(taught, _)| Edges::of(&taught));
        let bytes = fitting::bytes(features);
        let opened = if features == 0 {
            Err(fitting::NO_FEATURES.to_string())
        } else {
            Store::open(&self.folder, &self.backbone, bytes, self.most).map_err(|e| e.to_string())
        };
        self.store = match opened {
            Ok((store, notes)) => {
                let notes = notes
                    .into_iter()
                    .chain(others(&self.folder, &self.backbone));
                notes.for_each(|note| log::warn!("{note}"));
                Ok(store)
            }
            Err(why) => {
                log::warn!("{why}");
                Err(why)
            }
        };
        true
    }

    fn obey(&mut self, task: Task) -> Result<Did, String> {
        let store = self.store.as_mut().map_err(|why| why.clone())?;
        match task {
            Task::Example {
                label,
                features,
                moment,
                edges,
                shot,
            } => {
                let moment = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
                let example = Example {
                    features: fitting::pack(&features),
                    moment: u64::try_from(moment.as_millis()).unwrap_or(u64::MAX),
                    label: label.clone(),
                };
                store.add(example.clone()).map_err(|why| why.to_string())?;
                self.edges.learn(edges.as_deref());
                if let Some(shot) = shot
                    && let Err(why) = pictures::keep(self.folder.path(), &example, &shot)
                {
                    log::warn!("teach: no picture of the example of {label:?}: {why}");
                }
                Ok(Did::Taught(label))
            }
            Task::Undo => match store.undo() {
                Ok(Some(example)) => {
                    self.edges.undo();
                    pictures::remove(self.folder.path(), &example);
                    Ok(Did::Undid(example.label))
                }
                Ok(None) => Err("there is no example to take back".into()),
                Err(cause) => Err(kept(store, &cause)),
            },
            Task::Forget(label) => match store.forget(&label) {
                Ok(gone) if gone.is_empty() => Err(unknown(&label, store)),
                Ok(gone) => {
                    self.edges.settle();
                    let state = self.folder.path();
                    gone.iter()
                        .for_each(|example| pictures::remove(state, example));
                    Ok(Did::Forgot(label, gone.len()))
                }
                Err(cause) => Err(kept(store, &cause)),
            },
            Task::List | Task::Model { .. } => Ok(Did::Listed),
        }
    }

    /// Fits a head to the examples and writes its file. After a switch of the model the head from
    /// before is gone in any case.
    fn fit(&mut self, switched: bool) -> Change {
        let before = self.quality.take();
        self.missing = None;
        let none = if switched || before.is_some() {
            Change::Gone
        } else {
            Change::None
        };
        let examples = match &self.store {
            Ok(store) => store.examples(),
            Err(_) => return none,
        };
        if examples.is_empty() {
            // What is taught next may be another scene.
            self.edges.clear();
        }
        let scene = self.edges.to_bytes();
        let path = self.folder.head(&self.backbone);
        match fitting::fit(examples, &self.backbone, made(examples), scene) {
            Ok(taught) => {
                match engine::write_head(&path, &taught) {
                    Ok(sha256) => {
                        self.quality = Some(taught.quality.clone());
                        Change::Head(Box::new(taught), sha256)
                    }
                    Err(why) => {
                        // A head without a file would be gone after a restart.
                        let why = format!("{why}; the head from before stays in force");
                        log::warn!("{why}");
                        self.missing = Some(why);
                        self.quality = before;
                        if switched { Change::Gone } else { Change::None }
                    }
                }
            }
            Err(why) => {
                self.missing = Some(why);
                // A head of examples that are gone must not come back at the next start.
                match std::fs::remove_file(&path) {
                    Err(e) if e.kind() != ErrorKind::NotFound => {
                        log::warn!("{}: cannot be deleted: {e}", path.display());
                    }
                    _ => {}
                }
                none
            }
        }
    }

    /// What is taught.
    pub fn state(&self) -> State {
        let mut labels = BTreeMap::new();
        for example in self.store.iter().flat_map(|store| store.examples()) {
            *labels.entry(example.label.clone()).or_default() += 1;
        }
        let refused = self.store.as_ref().err().cloned();
        State {
            labels,
            quality: self.quality.clone(),
            missing: refused.or_else(|| self.missing.clone()),
        }
    }
}

/// When the newest example was taken: the same examples give the same file.
fn made(examples: &[Example]) -> SystemTime {
    let newest = examples.iter().map(|example| example.moment).max();
    UNIX_EPOCH + Duration::from_secs(newest.unwrap_or_default() / 1000)
}
