//! The thread that keeps examples and fits heads.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, SyncSender};

use super::Config;
use super::folder::Error;
use super::task::{News, State, Task};
use super::worker::Worker;
use crate::engine::{HexDigest, Taught};
use crate::threads::{self, End};

/// Tasks that may wait: as many as commands may.
const WAITING: usize = 32;

/// What is taught, seen from the main thread, which never waits.
#[derive(Debug)]
pub struct Lessons {
    tasks: SyncSender<(Option<u64>, Task)>,
    news: Receiver<News>,
    next: u64,
    /// What is taught, as of the last news.
    pub state: State,
}

/// A folder of lessons that was opened.
#[derive(Debug)]
pub struct Opening {
    worker: Worker,
    /// The head that was fitted last, with the SHA-256 of its file.
    pub head: Option<(Taught, HexDigest)>,
    /// Lines to log.
    pub notes: Vec<String>,
}

impl Opening {
    /// Opens the folder at `path`, which no other process can use from then on, for the model of
    /// the SHA-256 `backbone`, which gives so many features, or None.
    ///
    /// # Errors
    /// The folder or the examples in it cannot be used.
    pub fn new(
        config: &Config,
        path: &Path,
        backbone: &HexDigest,
        features: Option<usize>,
    ) -> Result<Self, Error> {
        let (worker, head, notes) = Worker::open(config, path, backbone, features)?;
        Ok(Self {
            worker,
            head,
            notes,
        })
    }

    /// The folder.
    pub fn path(&self) -> PathBuf {
        self.worker.path().into()
    }

    /// What is taught.
    pub fn state(&self) -> State {
        self.worker.state()
    }

    /// Starts the thread. It first fits the head again: a kill may have come between an example and
    /// its head.
    ///
    /// # Errors
    /// The system refuses the thread.
    pub fn start(self) -> Result<Lessons, Error> {
        let (tasks, received) = mpsc::sync_channel(WAITING);
        let (send, news) = mpsc::channel();
        let mut worker = self.worker;
        let state = worker.state();
        threads::spawn("lessons", None, move || {
            let mut first = Vec::new();
            let mut anew = true;
            // Nobody listens at the program's end.
            while send.send(worker.work(first, anew)).is_ok() {
                let Ok(task) = received.recv() else { break };
                // All that wait have one fit together: the newest counts.
                first = std::iter::once(task).chain(received.try_iter()).collect();
                anew = false;
            }
            End::Told(())
        })
        .map_err(Error::Thread)?;
        Ok(Lessons {
            tasks,
            news,
            next: 0,
            state,
        })
    }
}

impl Lessons {
    /// Hands a task to the thread. Returns its ticket; `None` if too many wait.
    pub fn ask(&mut self, task: Task) -> Option<u64> {
        let ticket = self.next;
        self.tasks.try_send((Some(ticket), task)).ok()?;
        self.next += 1;
        Some(ticket)
    }

    /// Goes on with the examples of another model. Returns false if too many tasks wait; the caller
    /// tries again.
    pub fn switch(&mut self, backbone: &HexDigest, features: usize) -> bool {
        let backbone = backbone.clone();
        let task = Task::Model { backbone, features };
        self.tasks.try_send((None, task)).is_ok()
    }

    /// What the thread has done since the last call, if anything.
    pub fn news(&mut self) -> Option<News> {
        let news = self.news.try_recv().ok()?;
        self.state.clone_from(&news.state);
        Some(news)
    }
}
