//! What is known of a replay beside its frames.

use std::time::Duration;

use crate::meter::Tally;
use crate::meter::timing::Stages;
use crate::observe::Rule;

/// A file that had a part in the result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileHash {
    pub(crate) path: String,
    pub(crate) sha256: String,
}

/// What is known before the first frame.
#[derive(Clone, Debug)]
pub(crate) struct About {
    /// The recording as it was named, and the last part of that.
    pub(crate) recording: String,
    pub(crate) name: String,
    /// Whether each picture was classified alone.
    pub(crate) stills: bool,
    /// The command, as a shell takes it.
    pub(crate) command: String,
    /// When it began, in RFC 3339.
    pub(crate) made: String,
    pub(crate) version: String,
    /// What computed, and with how many threads.
    pub(crate) kernel: String,
    pub(crate) threads: usize,
    pub(crate) model: FileHash,
    pub(crate) head: Option<FileHash>,
    /// The file of the configuration; none where the defaults were used.
    pub(crate) configuration: Option<String>,
    pub(crate) rule: Rule,
    /// The labels, by their index.
    pub(crate) labels: Vec<String>,
    /// What is published where no label is known.
    pub(crate) unknown: String,
    /// The labels of the folders that pictures were sorted into; empty without such folders.
    pub(crate) truths: Vec<String>,
    /// The label that stands for none of the others.
    pub(crate) nothing: &'static str,
}

impl About {
    /// The name of what is published, by its index.
    pub(super) fn label(&self, index: Option<u32>) -> &str {
        index
            .and_then(|index| self.labels.get(index as usize))
            .map_or(&self.unknown, String::as_str)
    }

    /// A word for `count` frames.
    pub(super) const fn noun(&self, count: u64) -> &'static str {
        match (self.stills, count) {
            (true, 1) => "picture",
            (true, _) => "pictures",
            (false, 1) => "frame",
            (false, _) => "frames",
        }
    }
}

/// A line of the table of memory.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MemoryLine {
    pub(crate) what: &'static str,
    /// What it is of, or how it was found.
    pub(crate) note: &'static str,
    pub(crate) mib: f64,
}

/// What is known after the last frame.
pub(crate) struct Ended<'a> {
    pub(crate) took: Duration,
    pub(crate) stages: &'a Stages,
    pub(crate) memory: Vec<MemoryLine>,
    /// The most that was resident, in MiB.
    pub(crate) peak_mib: f64,
    /// Frames that were passed over, by cause.
    pub(crate) passed_over: &'a Tally,
    /// Frames of which damaged parts were filled in.
    pub(crate) filled_in: u64,
    /// Whether a signal ended the replay before its recording did.
    pub(crate) interrupted: bool,
}
