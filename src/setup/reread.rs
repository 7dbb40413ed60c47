//! The configuration, read again under the running daemon.

use std::path::{Path, PathBuf};

use log::Level;

use crate::config::{self, Changes, Config, Keys, Loaded};
use crate::daemon::{Reread, Settings};
use crate::engine;

/// The settings that `config` has for the model at `model`; `folder` is that of its file.
pub(super) fn settings(config: &Config, model: PathBuf, folder: &Path) -> Settings {
    Settings {
        model,
        head: config.model.head_in(folder),
        threads: config.model.threads,
        vision: config.vision.clone(),
        regions: config.region.iter().map(|r| r.below(folder)).collect(),
        gate: config.gate.clone(),
        observe: config.observe.clone(),
        review: config.review.below(folder),
        health: config.health.clone(),
        memory: config.memory.clone(),
        log: config.log.level,
    }
}

/// Reads the configuration where it was found at the start.
pub(super) struct Reader {
    /// The file that was read at the start. Another one must not take its place while it is away.
    /// None if the command line named none and none was found.
    file: Option<PathBuf>,
    /// The keys in force.
    running: Keys,
    /// The keys that were read last.
    read: Keys,
}

impl Reader {
    /// Remembers the file and the keys of `loaded`, which are in force.
    pub(super) fn new(loaded: &Loaded) -> Self {
        let running = loaded.keys();
        Self {
            file: loaded.path.clone(),
            read: running.clone(),
            running,
        }
    }
}

impl Reread for Reader {
    fn read(&mut self) -> Result<(Settings, Vec<(Level, String)>), String> {
        let loaded = config::load(self.file.as_deref()).map_err(|e| e.to_string())?;
        let (next, changes) = self.running.take_over(&loaded.keys());
        let model = engine::locate(&next.config.model.path, loaded.folder());
        let model = model.map_err(|e| e.to_string())?;
        let settings = settings(&next.config, model, loaded.folder());
        self.read = next;
        Ok((settings, lines(&changes)))
    }

    fn accepted(&mut self) {
        self.running.clone_from(&self.read);
    }
}

/// The lines about changed keys.
fn lines(changes: &Changes) -> Vec<(Level, String)> {
    let mut lines = Vec::new();
    if !changes.now.is_empty() {
        lines.push((Level::Info, format!("took over {}", list(&changes.now))));
    }
    if !changes.later.is_empty() {
        let s = if changes.later.len() == 1 { "s" } else { "" };
        let keys = list(&changes.later);
        lines.push((Level::Warn, format!("{keys} change{s} at the next start")));
    }
    if lines.is_empty() {
        let same = "the configuration is the same as before";
        lines.push((Level::Info, same.into()));
    }
    lines
}

/// The keys as a list in words.
fn list(keys: &[String]) -> String {
    match keys.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_other_file_takes_the_place_of_one_that_is_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, "id = \"porch\"\n").unwrap();
        let mut reader = Reader::new(&config::load(Some(&path)).unwrap());
        std::fs::remove_file(&path).unwrap();
        let refused = reader.read().unwrap_err();
        assert!(refused.contains("config.toml"), "{refused}");
        // A file that was found is kept as one that was named.
        assert_eq!(reader.file.as_deref(), Some(&*path));
    }

    #[test]
    fn keys_of_one_kind_are_named_in_one_line() {
        let keys = |names: &[&str]| names.iter().map(|name| name.to_string()).collect();
        let changes = Changes {
            now: keys(&["gate.hold", "log.level"]),
            later: keys(&["mqtt.host"]),
        };
        assert_eq!(
            lines(&changes),
            [
                (Level::Info, "took over gate.hold and log.level".to_string()),
                (
                    Level::Warn,
                    "mqtt.host changes at the next start".to_string()
                ),
            ]
        );
        let later = Changes {
            later: keys(&["camera.fps", "id", "mqtt.host"]),
            ..Changes::default()
        };
        let line = "camera.fps, id and mqtt.host change at the next start";
        assert_eq!(lines(&later), [(Level::Warn, line.to_string())]);
    }
}
