//! The files of one configuration: those that it includes, the file itself, and the drop-ins.
//!
//! A later file wins key by key. Tables are merged, and every other value, arrays too, is replaced.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::de::DeTable;
use toml::{Table, Value};

use super::error::{explain, key_at, line_of, one_line, position};
use super::{Config, Error, homes};
use crate::files;

/// The largest file, in bytes. The shipped one has 12 KiB.
const LARGEST: u64 = 1 << 20;

/// The most files of one configuration.
const MOST: usize = 32;

/// The key that names the included files.
const INCLUDE: &str = "include";

/// The key of a secret.
const PASSWORD: &str = "mqtt.password";

/// The key of an address that may hold one.
const ADDRESS: &str = "http.url";

/// One file of a configuration.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub(super) path: PathBuf,
    text: String,
}

/// The files of the configuration at `path`, in the order in which a later one wins: those that it
/// includes, itself, and `*.toml` in the folder that has its name and `.d` behind it.
///
/// # Errors
/// A file that cannot be read, or is too large, and more files than are allowed.
pub(super) fn read(path: &Path) -> Result<Vec<Layer>, Error> {
    let main = Layer::read(path)
        .map_err(|why| Error::of_file(path, unread(&why, "name another file with --config")))?;
    let mut layers = main.included()?;
    layers.push(main);
    for drop_in in drop_ins(path)? {
        let layer = Layer::read(&drop_in).map_err(|why| {
            Error::of_file(&drop_in, unread(&why, "correct the file or remove it"))
        })?;
        layer.check_includes_none(path)?;
        layers.push(layer);
    }
    if layers.len() > MOST {
        let message = format!("consists of {} files; {MOST} are the most", layers.len());
        return Err(Error::of_file(path, message));
    }
    Ok(layers)
}

/// The files of the folder `<path>.d` whose names end in `.toml`, ordered by name.
fn drop_ins(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut folder = path.as_os_str().to_os_string();
    folder.push(".d");
    let folder = PathBuf::from(folder);
    let refuse = |why: std::io::Error| {
        let message = unread(&why, "correct its permissions or remove it");
        Error::of_file(&folder, message)
    };
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(why) => return Err(refuse(why)),
    };
    // Who can remove a drop-in changes the configuration as well.
    files::check_folder(&folder).map_err(refuse)?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(refuse)?.path();
        let hidden = path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        // Others are what editors and package managers leave: `10-porch.toml~`, `.dpkg-old`.
        if !hidden && path.extension().is_some_and(|end| end == "toml") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Why a file is not read, with the remedy, unless `why` has its own.
fn unread(why: &std::io::Error, remedy: &str) -> String {
    if files::is_distrust(why) {
        return format!("is not read: {why}");
    }
    format!("cannot be read: {why}; {remedy}")
}

/// Merges the `layers`. Returns the keys, without `include`, and the configuration that they make.
///
/// # Errors
/// The first layer that is no configuration by itself. Ranges are not checked.
pub(super) fn merge(layers: &[Layer]) -> Result<(Table, Config), Error> {
    let mut merged = Table::new();
    for layer in layers {
        layer.check()?;
        let mut table: Table = layer.text.parse().unwrap_or_default();
        table.remove(INCLUDE);
        merge_into(&mut merged, table);
    }
    let config = Config::deserialize(merged.clone()).map_err(|e| {
        // Each layer is a configuration by itself, so this does not happen.
        let last = layers.last().map(|layer| layer.path.as_path());
        Error::of_file(last.unwrap_or(Path::new("")), one_line(e.message()))
    })?;
    Ok((merged, config))
}

fn merge_into(table: &mut Table, later: Table) {
    for (key, value) in later {
        match (table.get_mut(&key), value) {
            (Some(Value::Table(earlier)), Value::Table(later)) => merge_into(earlier, later),
            (_, value) => drop(table.insert(key, value)),
        }
    }
}

/// The error for the value of `key`, in the file and the line that set it.
pub(super) fn refuse(layers: &[Layer], key: String, message: String) -> Error {
    // The last file that sets the key wins. A key that no file sets is shown at its table.
    let set = layers.iter().rev().find_map(|layer| {
        let table = DeTable::parse(&layer.text).ok()?;
        holds(table.get_ref(), &key).then_some(layer)
    });
    let near = || {
        let found = layers.iter().rev();
        found.into_iter().find(|layer| layer.line(&key).is_some())
    };
    let layer = set.or_else(near).or(layers.last());
    Error {
        path: layer.map(|layer| layer.path.clone()).unwrap_or_default(),
        line: layer.and_then(|layer| layer.line(&key)),
        key: Some(key),
        message,
    }
}

/// The files of `layers` that hold a password, and that every user can read, each with its key.
/// `addressed` tells whether the address of the source holds one.
pub(super) fn exposed(layers: &[Layer], addressed: bool) -> Vec<(PathBuf, &'static str)> {
    let holds_one = |layer: &Layer| {
        let table = DeTable::parse(&layer.text).ok()?;
        let keys = [Some(PASSWORD), addressed.then_some(ADDRESS)];
        let mut keys = keys.into_iter().flatten();
        let key = keys.find(|key| holds(table.get_ref(), key))?;
        Some((layer.path.clone(), key))
    };
    let files = layers.iter().filter_map(holds_one);
    files.filter(|(path, _)| files::is_public(path)).collect()
}

/// Whether the dotted `key` stands in `table`.
fn holds(table: &DeTable<'_>, key: &str) -> bool {
    let (name, rest) = match key.split_once('.') {
        Some((name, rest)) => (name, Some(rest)),
        None => (key, None),
    };
    let found = table.iter().find(|(key, _)| key.get_ref() == name);
    match (found, rest) {
        (Some(_), None) => true,
        (Some((_, value)), Some(rest)) => match value.get_ref() {
            toml::de::DeValue::Table(inner) => holds(inner, rest),
            _ => false,
        },
        (None, _) => false,
    }
}

impl Layer {
    /// A layer of this text.
    pub(super) fn new(path: &Path, text: &str) -> Self {
        Self {
            path: path.to_path_buf(),
            text: text.into(),
        }
    }

    fn read(path: &Path) -> std::io::Result<Self> {
        Ok(Self::new(path, &files::read_text(path, LARGEST)?))
    }

    /// The files that the key `include` names, relative to this file's folder.
    fn included(&self) -> Result<Vec<Self>, Error> {
        self.check()?;
        let table: Table = self.text.parse().unwrap_or_default();
        let Some(Value::Array(names)) = table.get(INCLUDE) else {
            return Ok(Vec::new());
        };
        let folder = self.path.parent().unwrap_or(Path::new(""));
        let paths = names
            .iter()
            .filter_map(Value::as_str)
            .map(|name| folder.join(name));
        let mut layers = Vec::new();
        for path in paths.take(MOST + 1) {
            let layer = Self::read(&path).map_err(|why| {
                let why = unread(&why, "correct the name, or create the file");
                let is_toml = path.extension().is_some_and(|end| end == "toml");
                let message = match is_toml {
                    true => format!("{} {why}", path.display()),
                    // It may be a secret in the wrong place.
                    false => format!("a file of the list, whose name does not end in .toml, {why}"),
                };
                self.error_at(INCLUDE, message)
            })?;
            layer.check_includes_none(&self.path)?;
            layers.push(layer);
        }
        Ok(layers)
    }

    /// Checks that this file, which comes with the one at `main`, includes no others.
    fn check_includes_none(&self, main: &Path) -> Result<(), Error> {
        let table: Table = self.text.parse().unwrap_or_default();
        if !table.contains_key(INCLUDE) {
            return Ok(());
        }
        let message = format!(
            "only the main file includes others; name them in {}",
            main.display()
        );
        Err(self.error_at(INCLUDE, message))
    }

    /// Checks that this file alone is a configuration: its syntax, its keys and their types.
    fn check(&self) -> Result<(), Error> {
        let table = DeTable::parse(&self.text).map_err(|e| Error {
            path: self.path.clone(),
            line: e.span().map(|span| line_of(&self.text, span.start)),
            key: None,
            message: format!("not TOML: {}", one_line(e.message())),
        })?;
        match toml::from_str::<Config>(&self.text) {
            Ok(_) => Ok(()),
            Err(e) => {
                let span = e.span();
                let key = span
                    .as_ref()
                    .and_then(|span| key_at(table.get_ref(), span, ""));
                let (key, message) = explain(e.message(), key, homes);
                Err(Error {
                    path: self.path.clone(),
                    line: span.map(|span| line_of(&self.text, span.start)),
                    key,
                    message,
                })
            }
        }
    }

    fn error_at(&self, key: &str, message: String) -> Error {
        Error {
            path: self.path.clone(),
            line: self.line(key),
            key: Some(key.into()),
            message,
        }
    }

    /// The line of `key`, or of the innermost table around it.
    fn line(&self, key: &str) -> Option<usize> {
        let table = DeTable::parse(&self.text).ok()?;
        Some(line_of(&self.text, position(table.get_ref(), key)?))
    }
}

#[cfg(test)]
mod tests;
