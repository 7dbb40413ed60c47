//! Section `[model]`, and where a model is looked for.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::misfit::{Misfit, within};

use super::error::Error;
use super::open::stands_packed;

/// Where an installed model stands when it is not beside the configuration.
pub(crate) const INSTALLED: &str = "/usr/share/goldcrest";

/// Section `[model]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The ONNX file; `model.toml` and `labels.txt` stand beside it. A relative path is looked for
    /// in the configuration's folder, then below `/usr/share/goldcrest`.
    pub path: PathBuf,
    /// The file of a taught head, in the place of the model's own classifier. A relative path
    /// starts from the configuration's folder.
    pub head: Option<PathBuf>,
    /// Threads that one inference uses.
    pub threads: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            path: "model/convnext_tiny_128_int8.onnx".into(),
            head: None,
            threads: 1,
        }
    }
}

impl Config {
    /// Checks that values are in range.
    ///
    /// # Errors
    /// The key and what is allowed.
    pub fn check(&self) -> Result<(), Misfit> {
        if self.head.as_deref() == Some(Path::new("")) {
            let message = "must name a file; leave the key out for the model's own classifier";
            return Err(Misfit::new("head", message));
        }
        within("threads", self.threads, 1..=16, "")
    }
}

impl Config {
    /// The head's file, if one is set; `folder` is that of the configuration file.
    pub(crate) fn head_in(&self, folder: &Path) -> Option<PathBuf> {
        self.head.as_ref().map(|head| folder.join(head))
    }
}

/// Finds the model: an absolute path as it is, a relative one in `folder` (that of the
/// configuration file), then below [`INSTALLED`]. A bundle may stand there in its stead.
///
/// # Errors
/// [`Error::Missing`], which names the places where it was looked for; [`Error::Model`] for a
/// folder.
pub(crate) fn locate(path: &Path, folder: &Path) -> Result<PathBuf, Error> {
    let places = [folder.join(path), Path::new(INSTALLED).join(path)];
    if let Some(found) = places.iter().find(|p| p.is_file() || stands_packed(p)) {
        return Ok(found.clone());
    }
    if let Some(folder) = places.iter().find(|p| p.is_dir()) {
        return Err(Error::Model {
            path: folder.clone(),
            message: "it is a folder; name the .onnx file in it".into(),
        });
    }
    let mut tried: Vec<String> = places.iter().map(|p| p.display().to_string()).collect();
    tried.dedup();
    Err(Error::Missing {
        path: path.to_path_buf(),
        tried: tried.join(" and "),
    })
}
