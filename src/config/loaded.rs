//! A configuration with the files that it came from.

use std::path::{Path, PathBuf};

use toml::Table;

use super::{Config, Error, Keys, compose, layers};

/// Where [`load`] looks when no file is named, in this order.
const PLACES: [&str; 2] = ["config.toml", "/etc/goldcrest/config.toml"];

/// A configuration and the files that it came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// The file, or none where the defaults stand alone.
    pub path: Option<PathBuf>,
    /// All files that were read, in the order in which a later one wins.
    pub files: Vec<PathBuf>,
    /// What the files hold together.
    table: Table,
}

impl Loaded {
    /// The folder that relative paths in the files start from.
    pub fn folder(&self) -> &Path {
        self.path
            .as_deref()
            .and_then(Path::parent)
            .unwrap_or(Path::new(""))
    }

    /// The keys, to be compared with those of another configuration.
    pub fn keys(&self) -> Keys {
        Keys::new(self.table.clone())
    }

    /// The files that were read beside [`Loaded::path`], as the end of a line: empty if there are
    /// none.
    pub fn beside(&self) -> String {
        let main = self.path.as_ref();
        let others = self.files.iter().filter(|file| Some(*file) != main);
        let names: Vec<String> = others.map(|file| file.display().to_string()).collect();
        if names.is_empty() {
            return String::new();
        }
        format!(", with {}", names.join(", "))
    }
}

/// Reads `named`, or the first of [`PLACES`] that is there, with the files that it includes and its
/// drop-ins; or the defaults when none is there.
///
/// # Errors
/// A file that is named and not there, cannot be read, or is not a valid configuration.
pub fn load(named: Option<&Path>) -> Result<Loaded, Error> {
    load_for(named, false)
}

/// The same for a command whose line names a `head`, or none.
///
/// # Errors
/// As [`load`].
pub fn load_for(named: Option<&Path>, head: bool) -> Result<Loaded, Error> {
    let path = match named {
        Some(path) => path.to_path_buf(),
        None => match PLACES.iter().map(PathBuf::from).find(|p| p.exists()) {
            Some(path) => path,
            None => {
                return Ok(Loaded {
                    config: Config::default(),
                    path: None,
                    files: Vec::new(),
                    table: Table::new(),
                });
            }
        },
    };
    let layers = layers::read(&path)?;
    let (mut config, table) = compose(&layers, head)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    config.mqtt.folder = folder.to_path_buf();
    Ok(Loaded {
        config,
        path: Some(path),
        files: layers.into_iter().map(|layer| layer.path).collect(),
        table,
    })
}
