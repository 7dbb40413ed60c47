//! The section `[observe]`.

use serde::Deserialize;

use crate::misfit::{Misfit, within};

/// When a label is published, section `[observe]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Time constant of the exponential smoothing of scores, in seconds, 0 to 60; 0 turns it off.
    pub smoothing: f32,
    /// Frames in a row that must agree before a change is published, 1 to 1000.
    pub frames: u32,
    /// Smoothed score from which a label is claimed, above 0 to 1.
    pub threshold: f32,
    /// The published label is kept until its smoothed score falls below this, 0 to `threshold`.
    pub release: f32,
    /// How far the first label must lead the second to be claimed, 0 to 1.
    pub margin: f32,
    /// The most labels that the scores may be spread over for one to be claimed: the exponential of
    /// their entropy, 1 to 10000; 0 turns it off.
    pub spread: f32,
    /// Seconds after which an unchanged state is published again, 0.1 to 86400.
    pub heartbeat: f64,
    /// Text published when no label is claimed, 1 to 64 characters.
    pub unknown: String,
    /// Number of best labels in a payload, 1 to 20.
    pub top: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            smoothing: 0.5,
            frames: 3,
            threshold: 0.6,
            release: 0.4,
            margin: 0.1,
            spread: 3.8,
            heartbeat: 60.0,
            unknown: "unknown".into(),
            top: 3,
        }
    }
}

impl Config {
    /// Checks every range.
    ///
    /// # Errors
    /// The first key that is out of its range, and what is allowed.
    pub(crate) fn check(&self) -> Result<(), Misfit> {
        within(
            "smoothing",
            self.smoothing,
            0.0..=60.0,
            "seconds (0 turns it off)",
        )?;
        within("frames", self.frames, 1..=1000, "")?;
        within("threshold", self.threshold, 0.0..=1.0, "")?;
        if self.threshold == 0.0 {
            return Err(Misfit::new(
                "threshold",
                "must be above 0: every label reaches 0",
            ));
        }
        if !(0.0..=self.threshold).contains(&self.release) {
            return Err(Misfit::new(
                "release",
                format!(
                    "must be 0 to the threshold, which is {}, and is {}",
                    self.threshold, self.release
                ),
            ));
        }
        within("margin", self.margin, 0.0..=1.0, "")?;
        if self.spread != 0.0 {
            within(
                "spread",
                self.spread,
                1.0..=10000.0,
                "labels (or 0, which turns it off)",
            )?;
        }
        within("heartbeat", self.heartbeat, 0.1..=86400.0, "seconds")?;
        let characters = self.unknown.chars().count();
        if self.unknown.trim().is_empty()
            || characters > 64
            || self.unknown.chars().any(char::is_control)
        {
            return Err(Misfit::new(
                "unknown",
                "must be 1 to 64 characters, not all blank, none a control character",
            ));
        }
        within("top", self.top, 1..=20, "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::misfit::expect_misfits;

    #[test]
    fn the_defaults_pass_and_an_empty_section_gives_them() {
        assert_eq!(Config::default().check(), Ok(()));
        assert_eq!(toml::from_str::<Config>("").unwrap(), Config::default());
    }

    #[test]
    fn whole_numbers_are_taken_where_seconds_may_have_a_fraction() {
        let config: Config = toml::from_str("smoothing = 1\nheartbeat = 30").unwrap();
        assert_eq!((config.smoothing, config.heartbeat), (1.0, 30.0));
    }

    #[test]
    fn each_key_out_of_range_is_named_with_what_is_allowed() {
        expect_misfits(
            Config::check,
            &[
                ("smoothing = -0.1", "smoothing", "0 to 60 seconds"),
                ("smoothing = 60.5", "smoothing", "is 60.5"),
                ("smoothing = nan", "smoothing", "0 to 60"),
                ("frames = 0", "frames", "1 to 1000"),
                ("frames = 1001", "frames", "1 to 1000"),
                ("threshold = 0", "threshold", "above 0"),
                ("threshold = 1.1", "threshold", "0 to 1, and is 1.1"),
                ("threshold = inf", "threshold", "0 to 1"),
                ("threshold = 0.3", "release", "threshold, which is 0.3"),
                ("release = -0.1", "release", "is -0.1"),
                ("release = nan", "release", "0 to the threshold"),
                ("margin = 1.01", "margin", "0 to 1"),
                ("spread = 0.9", "spread", "1 to 10000 labels"),
                ("spread = -1", "spread", "or 0"),
                ("spread = nan", "spread", "1 to 10000"),
                ("heartbeat = 0", "heartbeat", "0.1 to 86400 seconds"),
                ("heartbeat = 86401", "heartbeat", "0.1 to 86400 seconds"),
                ("unknown = ' '", "unknown", "1 to 64"),
                ("unknown = \"a\\nb\"", "unknown", "control"),
                ("top = 0", "top", "1 to 20"),
                ("top = 21", "top", "1 to 20"),
            ],
        );
    }

    #[test]
    fn the_ends_of_each_range_are_allowed() {
        for text in [
            "smoothing = 0\nframes = 1\nthreshold = 1\nrelease = 1\nmargin = 0\nspread = 0\nheartbeat = 0.1\ntop = 1",
            "smoothing = 60\nframes = 1000\nrelease = 0\nmargin = 1\nspread = 10000\nheartbeat = 86400\ntop = 20",
        ] {
            assert_eq!(toml::from_str::<Config>(text).unwrap().check(), Ok(()));
        }
    }

    #[test]
    fn an_unknown_key_is_refused() {
        assert!(toml::from_str::<Config>("treshold = 0.5").is_err());
    }
}
