//! The section `[observe]`.

use serde::Deserialize;

use super::Rule;
use crate::misfit::{Misfit, within};

/// When a label is published, section `[observe]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Time constant of the exponential smoothing of scores, in seconds, 0 to 60; 0 turns it off.
    pub smoothing: f32,
    /// Frames in a row that must agree before a change is published, 1 to 1000.
    pub frames: u32,
    /// Smoothed score from which a label is claimed, above 0 to 1. Where this and the next three
    /// are not set, a taught head or else [`Rule::default`] tells.
    pub threshold: Option<f32>,
    /// The published label is kept until its smoothed score falls below this, 0 to `threshold`.
    pub release: Option<f32>,
    /// How far the first label must lead the second to be claimed, 0 to 1.
    pub margin: Option<f32>,
    /// The most labels that the scores may be spread over for one to be claimed: the exponential
    /// of their entropy, 1 to 10000; 0 turns it off.
    pub spread: Option<f32>,
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
            threshold: None,
            release: None,
            margin: None,
            spread: None,
            heartbeat: 60.0,
            unknown: "unknown".into(),
            top: 3,
        }
    }
}

impl Config {
    /// The rule in force: the keys that are set, and `other` for those that are not. A release is
    /// at most the threshold.
    pub(crate) fn rule(&self, other: &Rule) -> Rule {
        let threshold = self.threshold.unwrap_or(other.threshold);
        Rule {
            threshold,
            release: self.release.unwrap_or(other.release).min(threshold),
            margin: self.margin.unwrap_or(other.margin),
            spread: self.spread.unwrap_or(other.spread),
        }
    }

    /// Checks every range. A head whose rule fills in what is not set is `taught`; it fits whatever
    /// is set.
    ///
    /// # Errors
    /// The first key that is out of its range, and what is allowed.
    pub(crate) fn check(&self, taught: bool) -> Result<(), Misfit> {
        within(
            "smoothing",
            self.smoothing,
            0.0..=60.0,
            "seconds (0 turns it off)",
        )?;
        within("frames", self.frames, 1..=1000, "")?;
        self.check_rule(taught)?;
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

    /// Checks the keys that make the [`Rule`].
    fn check_rule(&self, taught: bool) -> Result<(), Misfit> {
        let stock = Rule::default();
        let threshold = self.threshold.unwrap_or(stock.threshold);
        within("threshold", threshold, 0.0..=1.0, "")?;
        if threshold == 0.0 {
            return Err(Misfit::new(
                "threshold",
                "must be above 0: every label reaches 0",
            ));
        }
        // With a head, the one of the two that is not set comes from the head and follows the
        // other.
        let (most, release) = if taught {
            (self.threshold.unwrap_or(1.0), self.release.unwrap_or(0.0))
        } else {
            (threshold, self.release.unwrap_or(stock.release))
        };
        if !(0.0..=most).contains(&release) {
            return Err(Misfit::new(
                "release",
                format!("must be 0 to the threshold, which is {most}, and is {release}"),
            ));
        }
        within("margin", self.margin.unwrap_or(stock.margin), 0.0..=1.0, "")?;
        let spread = self.spread.unwrap_or(stock.spread);
        if spread != 0.0 {
            within(
                "spread",
                spread,
                1.0..=10000.0,
                "labels (or 0, which turns it off)",
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::misfit::expect_misfits;

    #[test]
    fn the_defaults_pass_and_an_empty_section_gives_them() {
        assert_eq!(Config::default().check(false), Ok(()));
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
            |config: &Config| config.check(false),
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
            assert_eq!(toml::from_str::<Config>(text).unwrap().check(false), Ok(()));
        }
    }

    #[test]
    fn keys_that_are_set_win_over_the_heads_rule() {
        let head = Rule {
            threshold: 0.45,
            release: 0.3,
            margin: 0.05,
            spread: 0.0,
        };
        let rule = |text: &str| {
            let config: Config = toml::from_str(text).unwrap();
            assert_eq!(config.check(true), Ok(()), "{text}");
            config.rule(&head)
        };
        assert_eq!(rule(""), head);
        let set = rule("threshold = 0.7\nmargin = 0.2\nspread = 3.0");
        assert_eq!((set.threshold, set.release), (0.7, 0.3));
        assert_eq!((set.margin, set.spread), (0.2, 3.0));
        // The one of the two that the head tells follows the one that is set.
        assert_eq!(rule("threshold = 0.2").release, 0.2);
        assert_eq!(rule("release = 0.5").release, 0.45);
    }

    #[test]
    fn an_unknown_key_is_refused() {
        assert!(toml::from_str::<Config>("treshold = 0.5").is_err());
    }
}
