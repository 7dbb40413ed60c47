//! A configuration with the files that it came from.

use std::path::{Path, PathBuf};

use rustix::process::geteuid;
use toml::Table;

use super::layers::{self, Layer};
use super::{Config, Error, Keys, compose};
use crate::files;

/// Where [`load`] looks when no file is named: in the present folder first, but not for root. The
/// present folder may be another user's, who would then choose what root reads, and to which host
/// root's password goes.
const HERE: &str = "config.toml";
const INSTALLED: &str = "/etc/goldcrest/config.toml";

/// A configuration and the files that it came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// The file, or none where the defaults stand alone.
    pub path: Option<PathBuf>,
    /// A file that was not read, because only one that root names is.
    pub passed_over: Option<PathBuf>,
    /// A line for each file that holds a secret and that every user can read.
    pub exposed: Vec<String>,
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

    /// The file that was passed over and how to name it, as the end of a line: empty if there is
    /// none.
    pub fn passes_over(&self) -> String {
        match &self.passed_over {
            Some(path) => format!(
                " (./{path} is passed over, because root reads only what it names: --config {path})",
                path = path.display()
            ),
            None => String::new(),
        }
    }
}

/// Where a configuration is found.
#[derive(Debug, Default, PartialEq, Eq)]
struct Place {
    path: Option<PathBuf>,
    passed_over: Option<PathBuf>,
}

impl Place {
    /// The file `named`, or the first that `is_there` of those that this process looks for.
    fn find(named: Option<&Path>, is_root: bool, is_there: impl Fn(&Path) -> bool) -> Self {
        let there = |path: &str| Some(PathBuf::from(path)).filter(|path| is_there(path));
        match named {
            Some(path) => Self {
                path: Some(path.to_path_buf()),
                passed_over: None,
            },
            None if is_root => Self {
                path: there(INSTALLED),
                passed_over: there(HERE),
            },
            None => Self {
                path: there(HERE).or_else(|| there(INSTALLED)),
                passed_over: None,
            },
        }
    }
}

/// Reads `named`, or the first file that is found, with the files that it includes and its
/// drop-ins; or the defaults when none is there.
///
/// # Errors
/// A file that is named and not there, cannot be read, could be another user's, or is not a valid
/// configuration.
pub fn load(named: Option<&Path>) -> Result<Loaded, Error> {
    load_for(named, false)
}

/// The same for a command whose line names a `head`, or none.
///
/// # Errors
/// As [`load`].
pub fn load_for(named: Option<&Path>, head: bool) -> Result<Loaded, Error> {
    let Place { path, passed_over } = Place::find(named, geteuid().is_root(), Path::exists);
    let Some(path) = path else {
        return Ok(Loaded {
            config: Config::default(),
            path: None,
            passed_over,
            exposed: Vec::new(),
            files: Vec::new(),
            table: Table::new(),
        });
    };
    let layers = layers::read(&path)?;
    let (mut config, table) = compose(&layers, head)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    config.mqtt.folder = folder.to_path_buf();
    let exposed = exposed(&layers, &config);
    Ok(Loaded {
        config,
        path: Some(path),
        passed_over,
        exposed,
        files: layers.into_iter().map(|layer| layer.path).collect(),
        table,
    })
}

/// The lines of [`Loaded::exposed`].
fn exposed(layers: &[Layer], config: &Config) -> Vec<String> {
    let main = layers::exposed(layers, config.http.holds_password()).into_iter().map(|(path, key)| {
        format!(
            "{}: holds {key}, and every user of this machine can read it; let only Goldcrest's user read it, \
             or move the password into a file of its own ({section}.password_file)",
            path.display(),
            section = key.split('.').next().unwrap_or_default()
        )
    });
    let folder = config.mqtt.folder.as_path();
    let secrets = config.mqtt.secret_files().into_iter();
    let secrets = secrets.chain(config.http.secret_file(folder));
    let others = secrets
        .filter(|(_, path)| files::is_public(path))
        .map(|(key, path)| {
            format!(
                "{key}: every user of this machine can read {}; let only Goldcrest's user read it, or hand it over \
                 with LoadCredential= of systemd",
                path.display()
            )
        });
    main.chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_reads_the_file_of_the_present_folder_only_by_name() {
        let all = |_: &Path| true;
        let here = || Some(PathBuf::from(HERE));
        let installed = || Some(PathBuf::from(INSTALLED));
        let found = |named: Option<&str>, is_root, is_there: fn(&Path) -> bool| {
            let place = Place::find(named.map(Path::new), is_root, is_there);
            (place.path, place.passed_over)
        };
        assert_eq!(found(None, true, all), (installed(), here()));
        assert_eq!(found(None, true, Path::is_relative), (None, here()));
        assert_eq!(found(Some(HERE), true, all), (here(), None));
        assert_eq!(found(None, false, all), (here(), None));
        assert_eq!(found(None, false, Path::is_absolute), (installed(), None));
        assert_eq!(found(None, false, |_| false), (None, None));
    }
}
