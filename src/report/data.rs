//! The data of the page, as JSON that other programs and later reports read.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use super::about::{About, Ended};
use super::confusion::Table;
use super::gather::Gathered;
use crate::escape;
use crate::meter::Tally;
use crate::meter::timing::StageTimes;
use crate::observe;

/// The most bytes of the lines of frames.
const MOST: usize = 2_600_000;

/// The form of the lines of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Form {
    /// As `replay --json` prints them.
    Full,
    /// Number, time, label and score alone: the full ones would be too many bytes.
    Short,
    /// Left out, because they would be too many bytes in either form.
    RunsOnly,
}

/// The lines of all frames. JSON lines are written to it, as to a file.
pub(crate) struct Lines {
    form: Form,
    /// Objects with commas between them, safe in a script element.
    text: Vec<u8>,
    /// The line that is being written.
    line: Vec<u8>,
    most: usize,
}

/// What is left of a line where there are many.
#[derive(Deserialize, Serialize)]
struct Short<'a> {
    seq: u64,
    time: f64,
    #[serde(borrow)]
    label: std::borrow::Cow<'a, str>,
    score: f64,
}

impl Default for Lines {
    fn default() -> Self {
        Self {
            form: Form::Full,
            text: Vec::new(),
            line: Vec::new(),
            most: MOST,
        }
    }
}

impl Lines {
    /// Bytes that are held.
    pub(crate) fn bytes(&self) -> usize {
        self.text.capacity() + self.line.capacity()
    }

    /// How the lines differ from those of `replay --json`, in a sentence without its end.
    pub(super) fn reduced(&self) -> Option<&'static str> {
        match self.form {
            Form::Full => None,
            Form::Short => Some(
                "There are so many frames that each has its number, time, best label and score alone",
            ),
            Form::RunsOnly => Some(
                "There are so many frames that the data has none of them, but the runs of equal labels",
            ),
        }
    }

    fn end_line(&mut self) {
        if self.form == Form::Full {
            let before = self.text.len();
            append(&mut self.text, &self.line);
            if self.text.len() > self.most {
                self.text.truncate(before);
                self.shorten();
            } else {
                self.line.clear();
                return;
            }
        }
        if self.form == Form::Short {
            let short = short(&self.line);
            append(&mut self.text, &short);
            if self.text.len() > self.most {
                self.form = Form::RunsOnly;
                self.text = Vec::new();
            }
        }
        self.line.clear();
    }

    /// Makes all lines short.
    fn shorten(&mut self) {
        self.form = Form::Short;
        let long = std::mem::take(&mut self.text);
        for line in long.split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b",").unwrap_or(line);
            append(&mut self.text, &short(line));
        }
    }
}

/// The short form of a line.
fn short(line: &[u8]) -> Vec<u8> {
    let mut short = Vec::new();
    // The lines are our own; one that could not be read would be left out.
    if let Ok(read) = serde_json::from_slice::<Short<'_>>(line) {
        let _ = escape::write_json(&mut short, &read);
    }
    short
}

/// Adds a line, behind a comma if it is not the first.
fn append(text: &mut Vec<u8>, line: &[u8]) {
    if line.is_empty() {
        return;
    }
    if !text.is_empty() {
        text.extend_from_slice(b",\n");
    }
    for &byte in line {
        match byte {
            // It could end the element of the page, or begin a comment there.
            b'<' => text.extend_from_slice(b"\\u003c"),
            byte => text.push(byte),
        }
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.form == Form::RunsOnly {
            return Ok(bytes.len());
        }
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            match part.strip_suffix(b"\n") {
                Some(end) => {
                    self.line.extend_from_slice(end);
                    self.end_line();
                }
                None => self.line.extend_from_slice(part),
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Serialize)]
struct Data<'a> {
    v: u32,
    goldcrest: &'a str,
    made: &'a str,
    command: &'a str,
    recording: &'a str,
    name: &'a str,
    stills: bool,
    verdict: &'a str,
    frames_seen: u64,
    seconds: f64,
    changes: u64,
    passed_over: &'a Tally,
    filled_in: u64,
    took_s: f64,
    model: &'a str,
    head: Option<&'a str>,
    kernel: &'a str,
    threads: usize,
    rule: Rule,
    stages_ms: StageTimes,
    peak_mb: f64,
    accuracy: Option<Accuracy>,
    labels: Vec<Label<'a>>,
    /// Index in `labels`, first and last frame, start and end in seconds.
    runs: Vec<(usize, u64, u64, f64, f64)>,
    runs_left_out: u64,
    frames_form: Form,
}

#[derive(Serialize)]
struct Rule {
    threshold: f32,
    release: f32,
    margin: f32,
    spread: f32,
}

#[derive(Serialize)]
struct Accuracy {
    right: u64,
    of: u64,
    interval: [f64; 2],
    balanced: f64,
}

#[derive(Serialize)]
struct Label<'a> {
    label: &'a str,
    unknown: bool,
    frames: u64,
    seconds: f64,
}

/// The data as one JSON object that may stand in a script element.
pub(super) fn json(
    gathered: &Gathered,
    ended: &Ended<'_>,
    table: Option<&Table>,
    verdict: &str,
    lines: &Lines,
) -> String {
    let data = data(gathered, ended, table, verdict, lines.form);
    let mut head = escape::json(&data)
        .unwrap_or_default()
        .replace('<', "\\u003c");
    // The lines of the frames are JSON already.
    head.pop();
    let frames = String::from_utf8_lossy(&lines.text);
    format!("{head},\"frames\":[\n{frames}\n]}}")
}

fn rule(rule: observe::Rule) -> Rule {
    Rule {
        threshold: rule.threshold,
        release: rule.release,
        margin: rule.margin,
        spread: rule.spread,
    }
}

fn data<'a>(
    gathered: &'a Gathered,
    ended: &'a Ended<'_>,
    table: Option<&Table>,
    verdict: &'a str,
    frames_form: Form,
) -> Data<'a> {
    let about: &About = &gathered.about;
    let labels = gathered.labels();
    let round = |seconds: f64| (seconds * 1e3).round() / 1e3;
    let index = |label| labels.iter().position(|(other, _)| *other == label);
    Data {
        v: 1,
        goldcrest: &about.version,
        made: &about.made,
        command: &about.command,
        recording: &about.recording,
        name: &about.name,
        stills: about.stills,
        verdict,
        frames_seen: gathered.frames,
        seconds: round(gathered.seconds()),
        changes: gathered.runs.changes(),
        passed_over: ended.passed_over,
        filled_in: ended.filled_in,
        took_s: round(ended.took.as_secs_f64()),
        model: &about.model.sha256,
        head: about.head.as_ref().map(|head| head.sha256.as_str()),
        kernel: &about.kernel,
        threads: about.threads,
        rule: rule(about.rule),
        stages_ms: ended.stages.times(),
        peak_mb: ended.peak_mib,
        accuracy: table.map(|table| Accuracy {
            right: table.right,
            of: table.pictures,
            interval: table.interval,
            balanced: table.balanced,
        }),
        runs: gathered
            .runs
            .runs
            .iter()
            .filter_map(|run| {
                let label = index(run.label)?;
                Some((label, run.from, run.to, round(run.start), round(run.end)))
            })
            .collect(),
        labels: labels
            .iter()
            .map(|(label, share)| Label {
                label: about.label(*label),
                unknown: label.is_none(),
                frames: share.frames,
                seconds: round(share.seconds),
            })
            .collect(),
        runs_left_out: gathered.runs.left_out,
        frames_form,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(lines: &mut Lines, frames: std::ops::Range<u64>) {
        for seq in frames {
            let line = format!(
                "{{\"seq\":{seq},\"source\":\"</script>\",\"time\":0.5,\"label\":\"a\\u202e<b\",\"score\":0.25,\"state\":null}}\n"
            );
            // As a serializer does: in pieces.
            for piece in line.as_bytes().chunks(7) {
                lines.write_all(piece).unwrap();
            }
        }
    }

    fn read(lines: &Lines) -> Vec<serde_json::Value> {
        let text = String::from_utf8(lines.text.clone()).unwrap();
        assert!(!text.contains('<'));
        serde_json::from_str(&format!("[{text}]")).unwrap()
    }

    #[test]
    fn lines_become_short_and_then_none_rather_than_large() {
        let mut lines = Lines {
            most: 2_000,
            ..Lines::default()
        };
        write(&mut lines, 0..5);
        assert_eq!((lines.form, read(&lines).len()), (Form::Full, 5));
        assert_eq!(read(&lines)[4]["source"], "</script>");
        write(&mut lines, 5..25);
        let short = read(&lines);
        assert_eq!((lines.form, short.len()), (Form::Short, 25));
        for (seq, line) in short.iter().enumerate() {
            assert_eq!(line["seq"], seq);
            assert_eq!(line["label"], "a\u{202e}<b");
            assert_eq!(line.as_object().unwrap().len(), 4);
        }
        write(&mut lines, 25..100);
        assert_eq!((lines.form, lines.text.len()), (Form::RunsOnly, 0));
        assert!(lines.bytes() < 4_000);
    }
}
