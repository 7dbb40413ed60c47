//! What was announced, in a small file, so that a later start can take it back: after the id, the
//! node or the prefix has changed, and after Home Assistant was disabled.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::message::Platforms;
use crate::files;

/// The largest file, in bytes.
const LARGEST: u64 = 1 << 20;

/// A device that Home Assistant may know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Announced {
    /// The broker that retains the message, as host and port.
    pub(super) broker: String,
    /// The topic of the discovery message.
    pub(super) topic: String,
    /// The components, and the platform of each.
    pub(super) components: Platforms,
}

/// The content of the file.
#[derive(Default, Serialize, Deserialize)]
struct Content {
    announced: Vec<Announced>,
}

/// The file. It is written whole or not at all.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    path: PathBuf,
}

impl Record {
    /// The file in `folder`, which no other instance may share.
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            path: folder.join("homeassistant.json"),
        }
    }

    /// What was announced. A file that is not there holds nothing; one that cannot be read neither,
    /// which is logged.
    pub(crate) fn read(&self) -> Vec<Announced> {
        let text = match files::read_text(&self.path, LARGEST) {
            Ok(text) => text,
            Err(e) if e.kind() == ErrorKind::NotFound => return Vec::new(),
            Err(e) => {
                self.complain("read", &e);
                return Vec::new();
            }
        };
        let content: Result<Content, _> = serde_json::from_str(&text);
        content
            .map(|content| content.announced)
            .unwrap_or_else(|e| {
                self.complain("read", &e);
                Vec::new()
            })
    }

    /// Writes what was announced. A failure is logged: then a later start cannot take it back.
    pub(crate) fn write(&self, announced: &[Announced]) {
        let content = Content {
            announced: announced.to_vec(),
        };
        let written = serde_json::to_vec(&content)
            .map_err(io::Error::other)
            .and_then(|text| files::replace(&self.path, &text));
        if let Err(e) = written {
            self.complain("write", &e);
        }
    }

    fn complain(&self, what: &str, why: &dyn std::fmt::Display) {
        log::warn!(
            "homeassistant: cannot {what} {}: {why}; a device that was announced before stays in Home Assistant \
             if the id, the node or the prefix changes; delete it there",
            self.path.display()
        );
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn announced(topic: &str) -> Announced {
        Announced {
            broker: "localhost:1883".into(),
            topic: topic.into(),
            components: [("label".to_string(), "sensor".to_string())].into(),
        }
    }

    #[test]
    fn what_was_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let record = Record::new(folder.path());
        assert_eq!(record.read(), []);
        for all in [vec![announced("a"), announced("b")], Vec::new()] {
            record.write(&all);
            assert_eq!(record.read(), all);
        }
    }

    #[test]
    fn a_damaged_file_holds_nothing_and_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(
            folder.path().join("homeassistant.json"),
            "{\"announced\": [",
        )
        .unwrap();
        let record = Record::new(folder.path());
        assert_eq!(record.read(), []);
        record.write(&[announced("a")]);
        assert_eq!(record.read(), [announced("a")]);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_no_failure() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let record = Record::new(&file);
        assert_eq!(record.read(), []);
        record.write(&[announced("a")]);
    }
}
