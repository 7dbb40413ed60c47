//! The section `[outbox]`.

use std::path::{Path, PathBuf};

use rustix::fs::Access;
use serde::Deserialize;

use super::disk::FolderError;
use super::sizes::BATCH;
use crate::misfit::{Misfit, within};
use crate::publish::Error;

/// How many events wait for the broker, and where; section `[outbox]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How many bytes of events may wait for the broker, 16384 to 16777216. Each event counts its
    /// topic, its payload and a little more.
    pub max_bytes: usize,
    /// The folder in which events wait on disk too; none for memory alone.
    pub folder: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_bytes: 128 << 10,
            folder: None,
        }
    }
}

impl Config {
    /// Checks every value, without touching the disk.
    ///
    /// # Errors
    /// The first key that is out of its range, and the allowed values.
    pub(crate) fn check(&self) -> Result<(), Misfit> {
        within("max_bytes", self.max_bytes, 16384..=1 << 24, "bytes")?;
        if self.folder.as_deref() == Some(Path::new("")) {
            return Err(Misfit::new(
                "folder",
                "must be the path of a folder; leave the key out to keep events in memory alone",
            ));
        }
        Ok(())
    }

    /// The same with a relative folder below `base`.
    pub(crate) fn below(&self, base: &Path) -> Self {
        Self {
            folder: self.folder.as_ref().map(|folder| base.join(folder)),
            ..self.clone()
        }
    }

    /// Says where events wait. Tries, without a change, if the folder can be written to.
    ///
    /// # Errors
    /// [`Error::Folder`].
    pub(crate) fn probe(&self) -> Result<String, Error> {
        let size = self.max_bytes >> 10;
        let Some(folder) = &self.folder else {
            return Ok(format!("{size} KiB in memory"));
        };
        let existing = folder.ancestors().find(|path| path.exists());
        let existing = existing.unwrap_or(Path::new("."));
        let found = if existing.is_dir() {
            rustix::fs::access(existing, Access::WRITE_OK | Access::EXEC_OK)
        } else {
            Err(rustix::io::Errno::NOTDIR)
        };
        found.map_err(|e| Error::folder(folder, &FolderError::Io(e.into())))?;
        Ok(format!("{size} KiB in memory and in {}", folder.display()))
    }

    /// The most memory that waiting events use, in bytes.
    pub(crate) fn memory(&self) -> usize {
        // A batch as it was copied from the queue, and as it is written.
        let writing = self.folder.is_some().then_some(2 * BATCH);
        self.max_bytes + writing.unwrap_or(0)
    }

    /// Threads that write to the disk.
    pub(crate) fn threads(&self) -> usize {
        usize::from(self.folder.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::misfit::expect_misfits;

    #[test]
    fn an_empty_section_gives_valid_defaults() {
        assert_eq!(Config::default().check(), Ok(()));
        assert_eq!(toml::from_str::<Config>("").unwrap(), Config::default());
    }

    #[test]
    fn a_key_out_of_range_is_named_with_its_allowed_values() {
        expect_misfits(
            Config::check,
            &[
                ("max_bytes = 16383", "max_bytes", "16384 to 16777216 bytes"),
                ("max_bytes = 16777217", "max_bytes", "is 16777217"),
                ("folder = ''", "folder", "leave the key out"),
            ],
        );
    }

    #[test]
    fn a_relative_folder_starts_at_the_configurations() {
        let config: Config = toml::from_str("folder = 'waiting'").unwrap();
        let folder = config.below(Path::new("/etc/goldcrest")).folder;
        assert_eq!(folder.as_deref(), Some(Path::new("/etc/goldcrest/waiting")));
        assert_eq!(Config::default().below(Path::new("/etc")).folder, None);
    }
}
