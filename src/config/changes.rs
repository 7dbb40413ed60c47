//! The keys in which two configurations differ.

use serde::Deserialize;
use toml::{Table, Value};

use super::Config;
use crate::review;

/// A key's tables and its own name.
type Path = Vec<String>;

/// Where a change of a key takes effect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Keys that the running daemon takes over, as in `observe.threshold`.
    pub now: Vec<String>,
    /// Keys that it takes over at its next start.
    pub later: Vec<String>,
}

/// Sections that a running daemon takes over.
const NOW: [&str; 9] = [
    "vision", "region", "gate", "model", "observe", "review", "health", "memory", "log",
];

/// A configuration with the table of its files, so that keys can be compared one by one.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    table: Table,
    /// Its values as they were written: placeholders of the id are not filled in.
    pub(crate) config: Config,
    /// The section `[review]` of the start, for which there is memory.
    review: review::Config,
}

impl Keys {
    /// The keys of `table`, which holds a valid configuration.
    pub(super) fn new(table: Table) -> Self {
        let config = Config::deserialize(table.clone()).unwrap_or_default();
        Self {
            review: config.review.clone(),
            config,
            table,
        }
    }

    /// Takes over from `new` what a running daemon can. Returns that configuration, and the keys
    /// in which `new` differs. A default that is written out is no difference.
    pub fn take_over(&self, new: &Self) -> (Self, Changes) {
        let mut next = self.clone();
        let mut changes = Changes::default();
        let mut paths = Vec::new();
        leaves(&self.table, &mut Vec::new(), &mut paths);
        leaves(&new.table, &mut Vec::new(), &mut paths);
        paths.sort();
        paths.dedup();
        for path in paths {
            let value = at(&new.table, &path);
            if value == at(&self.table, &path) || !self.differs_at(&path, value) {
                continue;
            }
            let key = path.join(".");
            if NOW.contains(&path[0].as_str())
                && self.review.leaves_room(&key, &new.config.review)
                && self.keeps_regions(&key, &new.config)
            {
                put(&mut next.table, &path, value);
                changes.now.push(key);
            } else {
                changes.later.push(key);
            }
        }
        let running = Config::deserialize(next.table.clone());
        // All its values have been read before, in one file or the other.
        next.config = running.unwrap_or_else(|_| self.config.clone());
        (next, changes)
    }

    /// Whether `key` of `new` leaves a running daemon its regions: it has topics, entities and
    /// memory for those that it started with, in their order. A crop of the whole picture is one
    /// thing with them.
    fn keeps_regions(&self, key: &str, new: &Config) -> bool {
        let names = |config: &Config| -> Vec<String> {
            config.region.iter().map(|r| r.name.clone()).collect()
        };
        !["region", "vision.crop"].contains(&key) || names(&self.config) == names(new)
    }

    /// Whether the configuration becomes another if the key at `path` gets this value.
    fn differs_at(&self, path: &Path, value: Option<&Value>) -> bool {
        let mut table = self.table.clone();
        put(&mut table, path, value);
        !Config::deserialize(table).is_ok_and(|config| config == self.config)
    }
}

/// Collects the paths of all values that are no tables.
fn leaves(table: &Table, path: &mut Path, paths: &mut Vec<Path>) {
    for (key, value) in table {
        path.push(key.clone());
        match value {
            Value::Table(table) => leaves(table, path, paths),
            _ => paths.push(path.clone()),
        }
        path.pop();
    }
}

fn at<'t>(table: &'t Table, path: &[String]) -> Option<&'t Value> {
    let (key, rest) = path.split_first()?;
    let value = table.get(key)?;
    if rest.is_empty() {
        return Some(value);
    }
    at(value.as_table()?, rest)
}

/// Sets the value at `path`, or removes it.
fn put(table: &mut Table, path: &[String], value: Option<&Value>) {
    match (path, value) {
        ([], _) => {}
        ([key], Some(value)) => drop(table.insert(key.clone(), value.clone())),
        ([key], None) => drop(table.remove(key)),
        ([key, rest @ ..], value) => {
            let empty = || Value::Table(Table::new());
            let inner = table.entry(key.clone()).or_insert_with(empty);
            if let Value::Table(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::parse;

    fn keys(text: &str) -> Keys {
        parse(text, Path::new("c.toml")).unwrap();
        Keys::new(text.parse().unwrap())
    }

    fn changes(old: &str, new: &str) -> Changes {
        keys(old).take_over(&keys(new)).1
    }

    #[test]
    fn keys_are_told_apart_by_when_they_take_effect() {
        let old = "id = 'a'\n[observe]\nthreshold = 0.6\n[mqtt]\nusername = 'x'\npassword = 'p'";
        let new = "id = 'b'\n[observe]\nthreshold = 0.7\n[mqtt]\nusername = 'x'\npassword = 'q'\n[log]\nlevel = 'debug'";
        let found = changes(old, new);
        assert_eq!(found.now, ["log.level", "observe.threshold"]);
        assert_eq!(found.later, ["id", "mqtt.password"]);
    }

    #[test]
    fn pictures_that_need_more_memory_wait_for_the_next_start() {
        let found = changes("", "[review]\nfolder = 'kept'\nmost = 7");
        assert_eq!(
            (found.now, found.later),
            (vec!["review.most".into()], vec!["review.folder".into()])
        );
        let start = keys("[review]\nfolder = 'kept'");
        let small = keys("[review]\nfolder = 'other'\nlongest_side = 320\nquality = 50");
        let (next, found) = start.take_over(&small);
        assert_eq!(
            found.now,
            ["review.folder", "review.longest_side", "review.quality"]
        );
        assert_eq!((&found.later, &next.config), (&Vec::new(), &small.config));
        // As large as at the start is no more than at the start.
        let (next, found) = next.take_over(&start);
        assert_eq!((&found.later, &next.config), (&Vec::new(), &start.config));
        let large = keys("[review]\nfolder = 'kept'\nlongest_side = 641");
        assert_eq!(start.take_over(&large).1.later, ["review.longest_side"]);
    }

    #[test]
    fn regions_are_taken_over_as_long_as_their_names_stay() {
        let doors = "[[region]]\nname = 'left'\n[[region]]\nname = 'right'\n";
        let other = doors.replace("'left'", "'left'\nevery = 2\ncrop = [0, 0, 0.5, 1]");
        assert_eq!(changes(doors, &other).now, ["region"]);
        for new in [
            "[[region]]\nname = 'right'\n[[region]]\nname = 'left'\n",
            "[[region]]\nname = 'left'\n",
            "",
        ] {
            let found = changes(doors, new);
            assert_eq!((found.now.len(), found.later), (0, vec!["region".into()]));
        }
        // Half of the change would be a configuration that nobody wrote.
        let (next, found) = keys(doors).take_over(&keys("[vision]\ncrop = [0, 0, 0.5, 1]"));
        assert_eq!(found.later, ["region", "vision.crop"]);
        assert_eq!(next.config, keys(doors).config);
    }

    #[test]
    fn a_placeholder_of_the_id_hides_no_change() {
        let old = "id = 'porch-{hostname}'\n[observe]\nthreshold = 0.6";
        let new = "id = 'porch-{hostname}'\n[observe]\nthreshold = 0.7";
        assert_eq!(changes(old, new).now, ["observe.threshold"]);
        assert_eq!(changes(old, old), Changes::default());
    }

    #[test]
    fn a_default_that_is_written_out_is_no_change() {
        let shipped = include_str!("../../config.toml");
        assert_eq!(changes("", shipped), Changes::default());
        assert_eq!(changes(shipped, ""), Changes::default());
    }

    #[test]
    fn a_key_that_is_left_out_returns_to_its_default() {
        let old = keys("[observe]\nthreshold = 0.9\n[camera.controls]\ngain = 1");
        let (next, found) = old.take_over(&keys(""));
        assert_eq!(found.now, ["observe.threshold"]);
        assert_eq!(found.later, ["camera.controls.gain"]);
        assert_eq!(next.config.observe, Config::default().observe);
        assert_eq!(next.config.camera, old.config.camera);
    }

    #[test]
    fn what_waits_for_the_next_start_is_named_again_each_time() {
        let (old, new) = (
            keys("[mqtt]\nhost = 'a'"),
            keys("[mqtt]\nhost = 'b'\n[log]\nlevel = 'warn'"),
        );
        let (next, first) = old.take_over(&new);
        let (_, again) = next.take_over(&new);
        assert_eq!(first.now, ["log.level"]);
        assert_eq!((again.now.len(), again.later), (0, first.later));
    }
}
