//! The payload of `settings`.

use serde::Serialize;

use super::fields::{Hashes, VERSION};
use super::taught::TaughtState;

/// What commands and reloads can change, the payload of `settings`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Settings<'a> {
    v: u8,
    /// Whether frames are passed over until `resume`.
    paused: bool,
    /// The `observe.threshold` in force.
    threshold: f32,
    /// The `log.level` in force, in small letters.
    log_level: String,
    /// SHA-256 of the model, in hex.
    model: &'a str,
    /// SHA-256 of the taught head's file, in hex; `null` with the model's own classifier.
    head: Option<&'a str>,
    /// The number of labels that may be published.
    labels: usize,
    /// The same of each region; absent without regions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    regions: Vec<RegionSettings<'a>>,
    /// Why the last reload changed nothing; absent once one succeeds.
    #[serde(skip_serializing_if = "Option::is_none")]
    reload_error: Option<&'a str>,
    /// What is taught; absent where teaching is off.
    #[serde(skip_serializing_if = "Option::is_none")]
    taught: Option<TaughtState<'a>>,
}

/// What holds in one region.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct RegionSettings<'a> {
    /// The region's name.
    pub(crate) name: &'a str,
    /// The threshold in force.
    pub(crate) threshold: f32,
    /// SHA-256 of the taught head's file, in hex; `null` with the model's own classifier.
    pub(crate) head: Option<&'a str>,
    /// The number of labels that may be published.
    pub(crate) labels: usize,
}

impl<'a> Settings<'a> {
    /// The payload for these settings, and for the model and the head of these hashes.
    pub(crate) fn new(
        paused: bool,
        threshold: f32,
        log: log::LevelFilter,
        (hashes, labels): (Hashes<'a>, usize),
        reload_error: Option<&'a str>,
    ) -> Self {
        Self {
            v: VERSION,
            paused,
            threshold,
            log_level: log.as_str().to_ascii_lowercase(),
            model: hashes.model,
            head: hashes.head,
            labels,
            regions: Vec::new(),
            reload_error,
            taught: None,
        }
    }

    /// Adds what holds in each region.
    #[must_use]
    pub(crate) fn with_regions(mut self, regions: Vec<RegionSettings<'a>>) -> Self {
        self.regions = regions;
        self
    }

    /// Adds what is taught.
    #[must_use]
    pub(crate) fn with_taught(mut self, taught: Option<TaughtState<'a>>) -> Self {
        self.taught = taught;
        self
    }

    /// A smaller message that is as true; `None` if there is none.
    pub(super) fn smaller(self) -> Option<Self> {
        let taught = Some(self.taught.clone()?.smaller()?);
        Some(Self { taught, ..self })
    }
}

#[cfg(test)]
mod tests {
    use log::LevelFilter;

    use super::*;

    #[test]
    fn settings_are_written_as_commands_take_them() {
        let hashes = Hashes {
            region: None,
            model: "cafe",
            head: Some("beef"),
        };
        let json = |error| {
            let settings = Settings::new(true, 0.7, LevelFilter::Info, (hashes, 16), error);
            serde_json::to_string(&settings).unwrap()
        };
        let text = concat!(
            r#"{"v":1,"paused":true,"threshold":0.7,"log_level":"info","model":"cafe","#,
            r#""head":"beef","labels":16"#
        );
        assert_eq!(json(None), format!("{text}}}"));
        assert_eq!(
            json(Some("no")),
            format!("{text},\"reload_error\":\"no\"}}")
        );
        let regions = vec![RegionSettings {
            name: "left",
            threshold: 0.5,
            head: Some("feed"),
            labels: 2,
        }];
        let settings = Settings::new(true, 0.7, LevelFilter::Info, (hashes, 16), None);
        assert_eq!(
            serde_json::to_string(&settings.with_regions(regions)).unwrap(),
            format!(
                "{text},\"regions\":[{{\"name\":\"left\",\"threshold\":0.5,\"head\":\"feed\",\"labels\":2}}]}}"
            )
        );
    }
}
