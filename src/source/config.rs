//! The section `[source]` of the configuration.

use std::path::PathBuf;

use serde::Deserialize;

use crate::misfit::{Misfit, within};

use super::RecordingOptions;

/// Where frames come from.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// A camera, a program's output, an address, a recording, or drawn pictures.
    pub kind: SourceKind,
    /// The recording: a directory of pictures, a picture or a video.
    pub path: Option<PathBuf>,
    /// Whether the program stops at the end of a recording, or starts it again.
    pub at_end: AtEnd,
    /// Frames a second of a recording that does not store its rate, 0.1 to 240.
    pub frame_rate: f64,
}

/// The kind of source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// A camera of this machine.
    #[default]
    Camera,
    /// The output of the program in `[process]`.
    Process,
    /// What the address in `[http]` gives.
    Http,
    /// Pictures or a video in files.
    Recording,
    /// Drawn pictures of the size, rate and format in `[camera]`.
    Synthetic,
}

/// The action at the end of a recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AtEnd {
    /// The program stops.
    #[default]
    Stop,
    /// The recording starts again.
    Loop,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            kind: SourceKind::default(),
            path: None,
            at_end: AtEnd::default(),
            frame_rate: RecordingOptions::default().frame_rate,
        }
    }
}

impl Config {
    /// Checks every value.
    ///
    /// # Errors
    /// The first key whose value is not allowed, and the allowed values.
    pub(crate) fn check(&self) -> Result<(), Misfit> {
        within(
            "frame_rate",
            self.frame_rate,
            0.1..=240.0,
            "frames a second",
        )?;
        let path = self
            .path
            .as_ref()
            .is_some_and(|p| !p.as_os_str().is_empty());
        if self.kind == SourceKind::Recording && !path {
            let allowed = "must name a directory of pictures, a picture or a video when kind is \"recording\"";
            return Err(Misfit::new("path", allowed));
        }
        Ok(())
    }

    /// The options of a recording.
    pub(crate) fn recording_options(&self) -> RecordingOptions {
        RecordingOptions {
            frame_rate: self.frame_rate,
            pace: None,
            looping: self.at_end == AtEnd::Loop,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_section_is_the_default_camera() {
        let config: Config = toml::from_str("").unwrap();
        assert_eq!(config, Config::default());
        assert_eq!(config.check(), Ok(()));
    }

    #[test]
    fn a_recording_is_read() {
        let text = "kind = \"recording\"\npath = \"frames\"\nat_end = \"loop\"\nframe_rate = 5";
        let config: Config = toml::from_str(text).unwrap();
        assert_eq!(config.check(), Ok(()));
        let options = config.recording_options();
        assert_eq!((options.frame_rate, options.looping), (5.0, true));
    }

    #[test]
    fn a_value_that_is_not_allowed_is_named() {
        let key = |text: &str| {
            toml::from_str::<Config>(text)
                .unwrap()
                .check()
                .unwrap_err()
                .key
        };
        assert_eq!(key("kind = \"recording\""), "path");
        assert_eq!(key("kind = \"recording\"\npath = \"\""), "path");
        assert_eq!(key("frame_rate = 0"), "frame_rate");
        assert_eq!(key("frame_rate = nan"), "frame_rate");
        assert!(toml::from_str::<Config>("kind = \"dream\"").is_err());
        assert!(toml::from_str::<Config>("speed = 2").is_err());
    }
}
