//! What commands set, kept over restarts.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use log::LevelFilter;
use serde::{Deserialize, Serialize};

use crate::files;

/// The file's name in the state folder.
const NAME: &str = "settings.json";
/// The largest file, in bytes.
const LARGEST: u64 = 4096;
/// The shortest time between two writes, which wait for the disk.
const BETWEEN: Duration = Duration::from_secs(1);

/// What is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Kept {
    pub(super) paused: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) threshold: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) log_level: Option<LevelFilter>,
    /// The label that the next example is of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) selected: Option<String>,
}

/// Writes what is kept into its file.
#[derive(Debug)]
pub struct Keeper {
    path: PathBuf,
    written: Kept,
    last: Option<Instant>,
}

impl Keeper {
    /// Keeps settings in `folder`.
    pub fn new(folder: &Path) -> Self {
        Self {
            path: folder.join(NAME),
            written: Kept::default(),
            last: None,
        }
    }

    /// What was kept before. Without a file, and with one that cannot be used, which is logged,
    /// nothing was.
    pub(super) fn read(&mut self) -> Kept {
        let kept = match files::read(&self.path, LARGEST) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|e| e.to_string()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => return self.written.clone(),
            Err(e) => Err(e.to_string()),
        };
        match kept {
            Ok(kept) => self.written = kept,
            Err(why) => log::warn!(
                "{}: kept settings cannot be used: {why}; using the configuration's",
                self.path.display()
            ),
        }
        self.written.clone()
    }

    /// Writes `kept` if it differs from what was written last, at most once a second. `end` writes
    /// it at once.
    pub(super) fn write(&mut self, kept: &Kept, now: Instant, end: bool) {
        let recently = |at: Instant| now.saturating_duration_since(at) < BETWEEN;
        if *kept == self.written || (!end && self.last.is_some_and(recently)) {
            return;
        }
        // Also after a failure: it is logged once for each change.
        (self.written, self.last) = (kept.clone(), Some(now));
        let json = serde_json::to_vec(kept).unwrap_or_default();
        if let Err(e) = files::replace(&self.path, &json) {
            log::warn!(
                "{}: cannot be written: {e}; what commands set will not survive a restart",
                self.path.display()
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn set() -> Kept {
        Kept {
            paused: true,
            threshold: Some(0.7),
            log_level: Some(LevelFilter::Debug),
            selected: Some("Tür auf".into()),
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut keeper = Keeper::new(folder.path());
        assert_eq!(keeper.read(), Kept::default());
        keeper.write(&set(), Instant::now(), false);
        let text = fs::read_to_string(folder.path().join(NAME)).unwrap();
        assert_eq!(
            text,
            r#"{"paused":true,"threshold":0.7,"log_level":"DEBUG","selected":"Tür auf"}"#
        );
        assert_eq!(Keeper::new(folder.path()).read(), set());
    }

    #[test]
    fn a_file_that_is_damaged_means_the_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let large = vec![b' '; 5000];
        for bytes in [&b"{\"paused\":tr"[..], b"", b"[]", &[0xff; 8], &large] {
            fs::write(folder.path().join(NAME), bytes).unwrap();
            assert_eq!(Keeper::new(folder.path()).read(), Kept::default());
        }
        // Another version may have more keys.
        fs::write(folder.path().join(NAME), "{\"paused\":true,\"more\":1}").unwrap();
        assert!(Keeper::new(folder.path()).read().paused);
    }

    #[test]
    fn writes_keep_their_distance_and_the_last_one_is_not_lost() {
        let folder = tempfile::tempdir().unwrap();
        let mut keeper = Keeper::new(folder.path());
        let now = Instant::now();
        let read = || Keeper::new(folder.path()).read();
        keeper.write(&set(), now, false);
        let paused = Kept {
            paused: true,
            ..Kept::default()
        };
        keeper.write(&paused, now + BETWEEN / 2, false);
        assert_eq!(read(), set());
        keeper.write(&paused, now + BETWEEN, false);
        assert_eq!(read(), paused);
        keeper.write(&set(), now + BETWEEN, true);
        assert_eq!(read(), set());
    }

    #[test]
    fn a_folder_that_is_not_there_ends_nothing() {
        let mut keeper = Keeper::new(Path::new("/nonexistent"));
        assert_eq!(keeper.read(), Kept::default());
        keeper.write(&set(), Instant::now(), true);
    }
}
