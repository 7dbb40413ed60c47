//! The taught head and the rule by which labels are claimed, for people and as JSON.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::engine::{self, HexDigest, Quality};
use crate::observe::{self, Rule};
use crate::pipeline::HeadInUse;
use crate::publish::Time;

/// A taught head, as `--json` prints it.
#[derive(Serialize)]
pub(super) struct Head {
    path: PathBuf,
    sha256: HexDigest,
    made: Time,
    examples: u32,
    accuracy: Option<f32>,
    interval: [f32; 2],
    classes: Vec<Class>,
    warnings: Vec<String>,
}

/// One of its labels.
#[derive(Serialize)]
struct Class {
    label: String,
    examples: u32,
    bursts: u32,
    accuracy: Option<f32>,
    confused_with: Option<String>,
}

impl Head {
    /// The head in use, whose file is at `path`.
    pub fn new(path: &Path, head: &HeadInUse) -> Self {
        let Quality {
            accuracy,
            interval,
            classes,
            warnings,
        } = head.quality.clone();
        let class = |class: engine::Class| Class {
            label: class.label,
            examples: class.examples,
            bursts: class.bursts,
            accuracy: class.accuracy,
            confused_with: class.confused_with,
        };
        Self {
            path: path.into(),
            sha256: head.sha256.clone(),
            made: Time(head.made),
            examples: classes.iter().map(|class| class.examples).sum(),
            accuracy,
            interval,
            classes: classes.into_iter().map(class).collect(),
            warnings,
        }
    }

    /// One line that describes it.
    pub fn says(&self) -> String {
        let made = self.made.to_string();
        let right = match self.accuracy {
            Some(share) => {
                let [low, high] = self.interval.map(|share| 100.0 * share);
                format!(
                    "{:.1} % right when left out ({low:.0} to {high:.0} % of other pictures)",
                    100.0 * share
                )
            }
            None => "not tested: too few examples to leave some out".into(),
        };
        format!(
            "{}, {}, taught on {} from {}, sha256 {}..., {right}",
            self.path.display(),
            count(self.classes.len(), "label"),
            made.split('T').next().unwrap_or_default(),
            count(self.examples as usize, "example"),
            self.sha256.abbreviated()
        )
    }

    /// A line for each label and for each warning.
    pub fn table(&self) -> Vec<String> {
        let width = self.classes.iter().map(|class| class.label.chars().count());
        let width = width.max().unwrap_or(0).max(12);
        let class = |class: &Class| {
            let right = match class.accuracy {
                Some(share) => format!("{:.0} % right when left out", 100.0 * share),
                None => "not tested: all of one moment".into(),
            };
            let confused = match &class.confused_with {
                Some(label) => format!("; confused with {label}"),
                None => String::new(),
            };
            format!(
                "  {:<width$} {} of {}, {right}{confused}",
                class.label,
                count(class.examples as usize, "example"),
                count(class.bursts as usize, "moment")
            )
        };
        let warnings = self.warnings.iter().map(|warning| format!("  {warning}"));
        self.classes.iter().map(class).chain(warnings).collect()
    }
}

/// So many of `noun`, in words.
fn count(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        count => format!("{count} {noun}s"),
    }
}

/// The rule in force, as `--json` prints it.
#[derive(Serialize)]
pub(super) struct InForce {
    threshold: Key,
    release: Key,
    margin: Key,
    spread: Key,
}

/// One number of it.
#[derive(Serialize)]
struct Key {
    value: f32,
    /// `configuration`, `head` or `default`.
    from: &'static str,
}

impl InForce {
    /// The rule in force, where `observe` was configured and a head is `taught` or not.
    pub fn new(rule: Rule, observe: &observe::Config, taught: bool) -> Self {
        let key = |value: f32, set: Option<f32>| Key {
            value,
            from: match set {
                Some(_) => "configuration",
                None if taught => "head",
                None => "default",
            },
        };
        Self {
            threshold: key(rule.threshold, observe.threshold),
            release: key(rule.release, observe.release),
            margin: key(rule.margin, observe.margin),
            spread: key(rule.spread, observe.spread),
        }
    }

    /// The rule in one line.
    pub fn says(&self) -> String {
        let keys = [
            ("threshold", &self.threshold),
            ("release", &self.release),
            ("margin", &self.margin),
            ("spread", &self.spread),
        ];
        let words = keys.map(|(name, key)| match key.value {
            0.0 if name == "spread" => format!("{name} off ({})", key.from),
            value => format!("{name} {value} ({})", key.from),
        });
        words.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn head(accuracy: Option<f32>) -> Head {
        let class = |label: &str, examples, bursts, confused_with: Option<&str>| engine::Class {
            label: label.into(),
            examples,
            bursts,
            accuracy: (bursts > 1).then_some(0.97),
            confused_with: confused_with.map(String::from),
        };
        let quality = Quality {
            accuracy,
            interval: [0.91, 0.99],
            classes: vec![
                class("open", 14, 6, Some("half-open")),
                class("half-open", 1, 1, None),
            ],
            warnings: vec!["half-open: add examples of another moment".into()],
        };
        Head::new(
            Path::new("porch.head"),
            &HeadInUse {
                labels: vec!["open".into(), "half-open".into()],
                temperature: 1.0,
                rule: Rule::default(),
                quality,
                scene: Vec::new(),
                made: UNIX_EPOCH + Duration::from_secs(1_735_732_800),
                sha256: "0123456789abcdef".repeat(4).parse().unwrap(),
            },
        )
    }

    #[test]
    fn a_head_is_one_line_and_one_more_a_label() {
        assert_eq!(
            head(Some(0.97)).says(),
            "porch.head, 2 labels, taught on 2025-01-01 from 15 examples, sha256 0123456789ab..., \
             97.0 % right when left out (91 to 99 % of other pictures)"
        );
        assert!(
            head(None)
                .says()
                .ends_with("not tested: too few examples to leave some out")
        );
        assert_eq!(
            head(None).table(),
            [
                "  open         14 examples of 6 moments, 97 % right when left out; confused with half-open",
                "  half-open    1 example of 1 moment, not tested: all of one moment",
                "  half-open: add examples of another moment",
            ]
        );
    }

    #[test]
    fn each_number_of_the_rule_names_where_it_comes_from() {
        let observe = observe::Config {
            margin: Some(0.2),
            ..observe::Config::default()
        };
        let head = Rule {
            threshold: 0.45,
            release: 0.25,
            margin: 0.05,
            spread: 0.0,
        };
        assert_eq!(
            InForce::new(observe.rule(&head), &observe, true).says(),
            "threshold 0.45 (head), release 0.25 (head), margin 0.2 (configuration), spread off (head)"
        );
        let stock = observe.rule(&Rule::default());
        assert_eq!(
            InForce::new(stock, &observe, false).says(),
            "threshold 0.6 (default), release 0.4 (default), margin 0.2 (configuration), spread 3.8 (default)"
        );
    }
}
