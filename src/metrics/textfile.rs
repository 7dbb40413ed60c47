//! The file that Prometheus' node_exporter reads.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use tempfile::NamedTempFile;

use super::exposition::{self, Beside};
use crate::publish::{Health, LogLimit};

/// Everybody may read the numbers: node_exporter is another user.
const MODE: u32 = 0o644;

/// A file that holds the newest numbers. It is removed when the value is dropped, so that nobody
/// takes the numbers of a daemon that ended for present ones.
#[derive(Debug)]
pub struct Textfile {
    path: PathBuf,
    /// Written first and then renamed, so that a reader never finds half a file.
    new: PathBuf,
    id: String,
    failures: u64,
    limit: LogLimit,
}

/// Why the file cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("metrics.textfile: {} cannot be written: {cause}; {}", path.display(), remedy(cause))]
pub struct Error {
    path: PathBuf,
    cause: io::Error,
}

fn remedy(cause: &io::Error) -> &'static str {
    match cause.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => "create its folder, or correct the path",
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "let this user write into its folder; in the systemd unit, allow the folder with ReadWritePaths="
        }
        _ => "see to that folder, or leave the key out",
    }
}

/// Tries to write into the folder of `path`, beside the file of a daemon that runs, and leaves
/// nothing there.
///
/// # Errors
/// The folder is missing, or this user may not write there.
pub(crate) fn probe(path: &Path) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    match NamedTempFile::new_in(folder) {
        Ok(_) => Ok(()),
        Err(cause) => Err(Error {
            path: path.into(),
            cause,
        }),
    }
}

impl Textfile {
    /// The file at `path` for the instance `id`, once [`probe`] finds nothing wrong.
    ///
    /// # Errors
    /// Those of [`probe`].
    pub(crate) fn open(path: &Path, id: &str) -> Result<Self, Error> {
        probe(path)?;
        let mut new = path.as_os_str().to_os_string();
        new.push(".new");
        Ok(Self {
            path: path.into(),
            new: new.into(),
            id: id.into(),
            failures: 0,
            limit: LogLimit::default(),
        })
    }

    /// Replaces the file by one with these numbers. A failure is counted, and logged at most once a
    /// minute.
    pub(crate) fn write(&mut self, health: &Health<'_>) {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let beside = Beside {
            id: &self.id,
            time: since.unwrap_or_default().as_millis() as f64 / 1e3,
            failures: self.failures,
        };
        let text = exposition::text(health, beside);
        let written = self
            .prepare(&text)
            .and_then(|()| fs::rename(&self.new, &self.path));
        let Err(cause) = written else {
            return;
        };
        self.failures += 1;
        let error = Error {
            path: self.path.clone(),
            cause,
        };
        if self.limit.allows(&error.to_string(), Instant::now()) {
            log::warn!("{error} (failure {} since the start)", self.failures);
        }
    }

    /// Writes the file beside the one that is read. Nothing forces it onto the disk: after a power
    /// cut the numbers are worth nothing.
    fn prepare(&self, text: &str) -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(MODE)
            .custom_flags(libc::O_NOFOLLOW)
            .open(&self.new)?;
        // Whatever the process's mask of permissions says.
        file.set_permissions(Permissions::from_mode(MODE))?;
        file.write_all(text.as_bytes())
    }
}

impl Drop for Textfile {
    fn drop(&mut self) {
        for path in [&self.new, &self.path] {
            // One that is not there needs no removing.
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::sample_health;

    #[test]
    fn a_reader_finds_a_whole_file_that_everybody_may_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("goldcrest.prom");
        let mut file = Textfile::open(&path, "a").unwrap();
        assert!(fs::read_dir(folder.path()).unwrap().next().is_none());
        file.write(&sample_health());
        file.write(&sample_health());
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            text.contains("goldcrest_frames_total{id=\"a\"} 600\n"),
            "{text}"
        );
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            MODE
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn a_folder_that_is_not_there_is_refused_with_a_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("none/goldcrest.prom");
        let line = Textfile::open(&path, "a").unwrap_err().to_string();
        assert!(
            line.starts_with("metrics.textfile: ") && line.contains("create its folder"),
            "{line}"
        );
        assert_eq!(line.lines().count(), 1);
    }

    #[test]
    fn a_failure_is_counted_and_the_next_file_tells() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).unwrap();
        let path = inner.join("goldcrest.prom");
        let mut file = Textfile::open(&path, "a").unwrap();
        fs::remove_dir(&inner).unwrap();
        file.write(&sample_health());
        file.write(&sample_health());
        fs::create_dir(&inner).unwrap();
        file.write(&sample_health());
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            text.contains("goldcrest_textfile_failures_total{id=\"a\"} 2\n"),
            "{text}"
        );
    }
}
