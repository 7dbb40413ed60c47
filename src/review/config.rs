//! The section `[review]` of the configuration.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::folder::{self, Limits};
use crate::misfit::{Misfit, within};
use crate::snapshot::Bounds;

/// The most bytes of one picture.
const PICTURE: usize = 200_000;

/// Pictures of uncertain and of changed moments that are kept for a person to sort.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The folder; none keeps no pictures.
    pub folder: Option<PathBuf>,
    /// The most pictures, 1 to 10000. The oldest go first.
    pub most: usize,
    /// The most bytes of all pictures, 1000000 to 1000000000000.
    pub max_bytes: u64,
    /// The least seconds between two pictures of changes, and between two of uncertain moments, 1
    /// to 86400.
    pub interval: f64,
    /// The most pixels of a side, 128 to 3840. Pictures are never enlarged.
    pub longest_side: usize,
    /// Quality of the JPEG, 10 to 95, as in libjpeg.
    pub quality: u8,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            folder: None,
            most: 500,
            max_bytes: 50_000_000,
            interval: 60.0,
            longest_side: 640,
            quality: 85,
        }
    }
}

impl Config {
    /// Checks every value, without touching the disk.
    ///
    /// # Errors
    /// The first key that is out of its range, and the allowed values.
    pub(crate) fn check(&self) -> Result<(), Misfit> {
        if self.folder.as_deref() == Some(Path::new("")) {
            return Err(Misfit::new(
                "folder",
                "must be the path of a folder; leave the key out to keep no pictures",
            ));
        }
        within("most", self.most, 1..=10_000, "pictures")?;
        let bytes = 1_000_000..=1_000_000_000_000;
        within("max_bytes", self.max_bytes, bytes, "bytes")?;
        within("interval", self.interval, 1.0..=86400.0, "seconds")?;
        within("longest_side", self.longest_side, 128..=3840, "pixels")?;
        within("quality", self.quality, 10..=95, "")
    }

    /// The same with a relative folder below `base`.
    pub(crate) fn below(&self, base: &Path) -> Self {
        Self {
            folder: self.folder.as_ref().map(|folder| base.join(folder)),
            ..self.clone()
        }
    }

    /// Says what the folder holds; `None` if no pictures are kept. Tries, without a change, if the
    /// folder can be written to.
    ///
    /// # Errors
    /// It cannot.
    pub(crate) fn probe(&self) -> Option<Result<String, folder::Error>> {
        let folder = self.folder.as_deref()?;
        Some(folder::probe(folder).map(|held| {
            format!(
                "{} pictures of {:.1} MB in {}, of at most {} and {:.0} MB",
                held.count,
                held.bytes as f64 / 1e6,
                folder.display(),
                self.most,
                self.max_bytes as f64 / 1e6
            )
        }))
    }

    /// Whether a daemon that started with this section can take over `key` of `new` while it runs:
    /// there is memory for pictures of the size at the start, and none without a folder.
    pub(crate) fn leaves_room(&self, key: &str, new: &Self) -> bool {
        match key {
            "review.folder" => self.folder.is_some(),
            "review.longest_side" => new.longest_side <= self.longest_side,
            _ => true,
        }
    }

    pub(super) fn limits(&self) -> Limits {
        Limits {
            most: self.most,
            max_bytes: self.max_bytes,
        }
    }

    pub(super) fn bounds(&self) -> Bounds {
        Bounds {
            longest_side: self.longest_side,
            quality: self.quality,
            max_bytes: PICTURE,
            remedy: "lower review.longest_side",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_section_keeps_no_pictures() {
        let config: Config = toml::from_str("").unwrap();
        assert_eq!(config, Config::default());
        assert_eq!(config.check(), Ok(()));
        assert!(config.folder.is_none() && config.probe().is_none());
    }

    #[test]
    fn a_key_out_of_range_is_named_with_its_allowed_values() {
        for (text, key, range) in [
            ("folder = ''", "folder", "leave the key out"),
            ("most = 0", "most", "1 to 10000 pictures"),
            (
                "max_bytes = 999999",
                "max_bytes",
                "1000000 to 1000000000000",
            ),
            ("interval = 0.5", "interval", "1 to 86400 seconds"),
            ("interval = nan", "interval", "1 to 86400 seconds"),
            ("longest_side = 127", "longest_side", "128 to 3840 pixels"),
            ("quality = 96", "quality", "10 to 95"),
        ] {
            let config: Config = toml::from_str(text).unwrap();
            let misfit = config.check().unwrap_err();
            assert_eq!(misfit.key, key);
            assert!(misfit.message.contains(range), "{misfit}");
        }
    }

    #[test]
    fn the_probe_tells_what_is_there_and_makes_nothing() {
        let base = tempfile::tempdir().unwrap();
        let config: Config = toml::from_str("folder = 'a/b'").unwrap();
        let config = config.below(base.path());
        let says = config.probe().unwrap().unwrap();
        assert!(says.starts_with("0 pictures of 0.0 MB in "), "{says}");
        assert_eq!(std::fs::read_dir(base.path()).unwrap().count(), 0);
        std::fs::write(base.path().join("a"), "a file").unwrap();
        let refused = config.probe().unwrap().unwrap_err();
        assert!(refused.to_string().contains("a/b: "), "{refused}");
    }
}
