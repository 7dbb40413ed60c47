//! How good a head is, for people and as JSON.

use std::fmt::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::engine::{Class, Quality, Taught};
use crate::escape::{self, OneLine};

/// What `teach` reports.
pub(super) struct Report<'a> {
    pub taught: &'a Taught,
    /// The head's file.
    pub head: &'a Path,
    /// Its SHA-256, in hex.
    pub sha256: &'a str,
    /// How long all of it took.
    pub took: Duration,
    /// What the head's own warnings do not know.
    pub left_out: Vec<String>,
}

/// Warnings about pictures that could not be read, and about those in no folder of a label.
pub(super) fn unread(bad: u64, loose: u64) -> impl Iterator<Item = String> {
    let bad = match bad {
        0 => None,
        n => Some(format!("{} could not be read", counted(n, "picture"))),
    };
    let loose = match loose {
        0 => None,
        1 => Some("1 picture lies in no folder of a label and was not taught".into()),
        n => Some(format!(
            "{n} pictures lie in no folder of a label and were not taught"
        )),
    };
    bad.into_iter().chain(loose)
}

/// The object of `--json`.
#[derive(Serialize)]
struct Json<'a> {
    accuracy: Option<f64>,
    interval: [f64; 2],
    classes: Vec<Row<'a>>,
    warnings: Vec<&'a str>,
    seconds: f64,
    head: &'a Path,
    head_sha256: &'a str,
    backbone_sha256: &'a str,
}

#[derive(Serialize)]
struct Row<'a> {
    label: &'a str,
    examples: u32,
    bursts: u32,
    accuracy: Option<f64>,
    confused_with: Option<&'a str>,
}

impl<'a> Row<'a> {
    fn of(class: &'a Class) -> Self {
        Self {
            label: &class.label,
            examples: class.examples,
            bursts: class.bursts,
            accuracy: class.accuracy.map(rounded),
            confused_with: class.confused_with.as_deref(),
        }
    }
}

/// Four decimals, which are more than such shares are worth.
fn rounded(share: f32) -> f64 {
    (f64::from(share) * 1e4).round() / 1e4
}

fn percent(share: f32) -> String {
    format!("{:.0} %", 100.0 * share)
}

fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

impl Report<'_> {
    fn quality(&self) -> &Quality {
        &self.taught.quality
    }

    /// All warnings, the gravest first.
    fn warnings(&self) -> Vec<&str> {
        let all = self.quality().warnings.iter().chain(&self.left_out);
        all.map(String::as_str).collect()
    }

    /// The object of `--json`, on one line.
    pub fn json(&self) -> serde_json::Result<String> {
        let quality = self.quality();
        escape::json(&Json {
            accuracy: quality.accuracy.map(rounded),
            interval: quality.interval.map(rounded),
            classes: quality.classes.iter().map(Row::of).collect(),
            warnings: self.warnings(),
            seconds: (self.took.as_secs_f64() * 1e3).round() / 1e3,
            head: self.head,
            head_sha256: self.sha256,
            backbone_sha256: &self.taught.backbone,
        })
    }

    /// The table, the warnings, and what to do next.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) -> fmt::Result {
        let quality = self.quality();
        let columns = Columns::of(quality);
        for class in &quality.classes {
            columns.row(class, text)?;
        }
        match quality.accuracy {
            Some(_) if quality.classes.len() == 1 => writeln!(
                text,
                "\nHow good this is cannot be told: one label is never mistaken for another."
            )?,
            Some(accuracy) => {
                let [low, high] = quality.interval;
                writeln!(
                    text,
                    "\nAll labels together: {} right when left out. On new pictures of the same scene expect {:.0} to {}.",
                    percent(accuracy),
                    100.0 * low,
                    percent(high)
                )?;
            }
            None => writeln!(
                text,
                "\nHow good this is cannot be told: no label has pictures of two moments."
            )?,
        }
        let warnings = self.warnings();
        if !warnings.is_empty() {
            writeln!(text)?;
        }
        for warning in &warnings {
            writeln!(text, "- {warning}")?;
        }
        self.next(text)
    }

    /// Where the head is, and how to use it.
    fn next(&self, text: &mut String) -> fmt::Result {
        let head = OneLine(self.head.display());
        let name = self.head.file_name().unwrap_or_default();
        let at = Path::new("/etc/goldcrest").join(name);
        write!(
            text,
            "\n{head} written in {:.1} s. Try it on a recording:\n\n    \
             goldcrest replay RECORDING --head {head}\n\n\
             To use it, copy it to where the service reads it\n\n    \
             sudo cp {head} /etc/goldcrest/\n\n\
             write into /etc/goldcrest/config.toml\n\n    \
             [model]\n    head = {at:?}\n\n\
             and reload the daemon: sudo systemctl reload goldcrest",
            self.took.as_secs_f64(),
        )
    }
}

/// Widths of the table's columns.
struct Columns {
    label: usize,
    examples: usize,
    bursts: usize,
}

impl Columns {
    fn of(quality: &Quality) -> Self {
        let most = |of: fn(&Class) -> usize| quality.classes.iter().map(of).max().unwrap_or(0);
        Self {
            label: most(|class| class.label.chars().count()),
            examples: most(|class| class.examples.to_string().len()),
            bursts: most(|class| class.bursts.to_string().len()),
        }
    }

    /// One line: `open: 14 examples of 6 moments, 97 % right when left out; confused with ajar`.
    fn row(&self, class: &Class, text: &mut String) -> fmt::Result {
        let plural =
            |count: u32, noun: &str| format!("{noun}{}", if count == 1 { "" } else { "s" });
        let label = format!("{}:", class.label);
        write!(
            text,
            "{label:width$} {:examples$} {} of {:bursts$} {}",
            class.examples,
            plural(class.examples, "example"),
            class.bursts,
            plural(class.bursts, "moment"),
            width = self.label + 1,
            examples = self.examples,
            bursts = self.bursts,
        )?;
        match class.accuracy {
            Some(accuracy) => write!(text, ", {} right when left out", percent(accuracy))?,
            None => write!(text, ", too few moments to tell how good")?,
        }
        if let Some(other) = &class.confused_with {
            write!(text, "; confused with {other}")?;
        }
        writeln!(text)
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::engine::{Head, HexDigest, Rule};

    fn taught(accuracy: Option<f32>) -> Taught {
        let class = |label: &str, examples, bursts, accuracy, other: Option<&str>| Class {
            label: label.into(),
            examples,
            bursts,
            accuracy,
            confused_with: other.map(Into::into),
        };
        Taught {
            labels: vec!["half-open".into(), "open".into()],
            head: Head::new(vec![0.0; 4], vec![0.0; 2]).unwrap(),
            temperature: 1.0,
            rule: Rule {
                threshold: 0.5,
                release: 0.4,
                margin: 0.1,
            },
            quality: Quality {
                accuracy,
                interval: [0.812_34, 1.0],
                classes: vec![
                    class("half-open", 9, 1, None, None),
                    class("open", 14, 6, accuracy, Some("half-open")),
                ],
                warnings: vec!["half-open has one moment; add another".into()],
            },
            scene: Vec::new(),
            backbone: HexDigest::default(),
            made: SystemTime::UNIX_EPOCH,
        }
    }

    fn report(taught: &Taught) -> Report<'_> {
        Report {
            taught,
            head: Path::new("/a/porch.head"),
            sha256: "cd34",
            took: Duration::from_millis(1234),
            left_out: unread(1, 2).collect(),
        }
    }

    #[test]
    fn the_table_is_read_at_a_glance() {
        let text = report(&taught(Some(0.968))).text();
        let start = "half-open:  9 examples of 1 moment, too few moments to tell how good\n\
                     open:      14 examples of 6 moments, 97 % right when left out; confused with half-open\n\
                     \n\
                     All labels together: 97 % right when left out. On new pictures of the same scene expect 81 to 100 %.\n\
                     \n\
                     - half-open has one moment; add another\n\
                     - 1 picture could not be read\n\
                     - 2 pictures lie in no folder of a label and were not taught\n\
                     \n\
                     /a/porch.head written in 1.2 s.";
        assert!(text.starts_with(start), "{text}");
        assert!(
            text.contains("sudo cp /a/porch.head /etc/goldcrest/\n"),
            "{text}"
        );
        assert!(
            text.contains("head = \"/etc/goldcrest/porch.head\""),
            "{text}"
        );
        let text = report(&taught(None)).text();
        assert!(text.contains("cannot be told"), "{text}");
    }

    #[test]
    fn json_has_the_fields_of_the_contract() {
        let json = report(&taught(Some(0.968))).json().unwrap();
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        let keys: Vec<&String> = value.as_object().unwrap().keys().collect();
        let mut wanted = [
            "accuracy",
            "interval",
            "classes",
            "warnings",
            "seconds",
            "head",
            "head_sha256",
            "backbone_sha256",
        ];
        wanted.sort_unstable();
        assert_eq!(keys, wanted);
        assert_eq!(value["interval"], serde_json::json!([0.8123, 1.0]));
        assert_eq!(
            value["classes"][1],
            serde_json::json!({"label": "open", "examples": 14, "bursts": 6, "accuracy": 0.968, "confused_with": "half-open"})
        );
        assert_eq!(value["classes"][0]["accuracy"], serde_json::Value::Null);
        assert_eq!(value["warnings"].as_array().unwrap().len(), 3);
        assert_eq!(value["seconds"], 1.234);
    }
}
