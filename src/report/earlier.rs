//! What an earlier report tells, to compare with.

use serde::Deserialize;

use super::about::About;

/// How the data of a page begins, before its attributes' end.
pub(super) const MARK: &str = "<script type=\"application/json\" id=\"goldcrest-data\">";

/// Why a file is no report to compare with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unread {
    /// It has no data of ours.
    #[error("this is no page that `goldcrest replay --report` wrote; name one")]
    Foreign,
    /// Its data cannot be read.
    #[error("its data is damaged ({0}); replay that recording with --report once more")]
    Damaged(serde_json::Error),
    /// Another Goldcrest wrote it.
    #[error(
        "its data has version {0} and this Goldcrest reads 1; replay that recording with --report once more"
    )]
    Version(u64),
}

/// A report that was written before.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Earlier {
    pub(super) goldcrest: String,
    pub(super) made: String,
    pub(super) name: String,
    pub(super) verdict: String,
    stills: bool,
    pub(super) frames_seen: u64,
    pub(super) seconds: f64,
    pub(super) changes: u64,
    pub(super) took_s: f64,
    pub(super) model: String,
    pub(super) head: Option<String>,
    pub(super) kernel: String,
    pub(super) threads: usize,
    pub(super) stages_ms: Stages,
    pub(super) peak_mb: f64,
    pub(super) accuracy: Option<Accuracy>,
    pub(super) labels: Vec<Label>,
    runs: Vec<(usize, u64, u64, f64, f64)>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(super) struct Stages {
    pub vision: Times,
    pub infer: Times,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(super) struct Times {
    pub p50: f64,
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Accuracy {
    pub right: u64,
    pub of: u64,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Label {
    pub label: String,
    pub frames: u64,
}

#[derive(Deserialize)]
struct Version {
    v: u64,
}

impl Earlier {
    /// Reads the data of a `page`.
    ///
    /// # Errors
    /// It is no report, or a damaged one.
    pub(crate) fn read(page: &str) -> Result<Self, Unread> {
        let (_, data) = page.split_once(MARK).ok_or(Unread::Foreign)?;
        let (data, _) = data.split_once("</script>").ok_or(Unread::Foreign)?;
        let version: Version = serde_json::from_str(data).map_err(Unread::Damaged)?;
        if version.v != 1 {
            return Err(Unread::Version(version.v));
        }
        serde_json::from_str(data).map_err(Unread::Damaged)
    }

    /// Whether both are of the same recording, as far as names tell.
    pub(super) fn is_of(&self, about: &About) -> bool {
        self.name == about.name && self.stills == about.stills
    }

    /// What was published at the frame with this number; `None` where that is not known, and of
    /// another recording.
    pub(super) fn label_at(&self, about: &About, seq: u64) -> Option<&str> {
        if !self.is_of(about) {
            return None;
        }
        let after = self.runs.partition_point(|(_, from, ..)| *from <= seq);
        let (label, _, to, ..) = self.runs.get(after.checked_sub(1)?)?;
        let label = &self.labels.get(*label)?.label;
        (seq <= *to).then_some(label)
    }
}
