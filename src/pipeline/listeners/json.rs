//! One line of JSON a frame.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, Write};

use serde::Serialize;

use crate::escape;
use crate::frame::Frame;
use crate::meter::timing::Stages;
use crate::observe::scores::{Ranked, rank};
use crate::pipeline::{Listener, Outcome};
use crate::publish::{Label, Score, Top};

/// The beginning of each line.
#[derive(Serialize)]
struct Head<'a> {
    seq: u64,
    /// The name of the frame's file, or of the stream and the frame's number in it.
    source: Cow<'a, str>,
    /// The path of the file.
    path: &'a str,
    /// Seconds from the start of the recording.
    time: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'a str>,
}

impl<'a> Head<'a> {
    fn of(frame: &'a Frame, region: Option<&'a str>, numbered: bool) -> Self {
        let path = &*frame.name;
        let name = path.rsplit('/').next().unwrap_or(path);
        Self {
            seq: frame.seq,
            source: if numbered {
                format!("{name}#{}", frame.seq).into()
            } else {
                name.into()
            },
            path,
            time: frame.captured.elapsed.as_secs_f64(),
            region,
        }
    }
}

/// The line of a frame.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    head: Head<'a>,
    label: &'a str,
    score: Score,
    top: Vec<Top<'a>>,
    /// The share of the picture that was damaged and filled in.
    #[serde(skip_serializing_if = "is_zero")]
    made_up: f32,
    state: Option<Label<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    features: Option<&'a [f32]>,
}

/// The line of a frame that was passed over.
#[derive(Serialize)]
struct BadLine<'a> {
    #[serde(flatten)]
    head: Head<'a>,
    error: String,
}

fn is_zero(share: &f32) -> bool {
    *share == 0.0
}

/// Writes a JSON object for every classified frame: `seq`, `source`, `path`, `time` in seconds from
/// the recording's start, with regions the `region`, the unsmoothed `label`, `score` and `top`,
/// `made_up` where damaged parts were filled in, and `state`, the payload that would be published,
/// or null. On demand also `features`, in the fewest digits that read back as the same f32.
///
/// A frame that was passed over has an object with `error` on `errors`, so that all lines of `out`
/// have the same keys.
pub(crate) struct JsonLines<W, E> {
    out: W,
    errors: E,
    top: usize,
    numbered: bool,
    features: bool,
    ranked: Vec<Ranked>,
}

impl<W: Write, E: Write> JsonLines<W, E> {
    /// Writes to `out` and `errors`, with the `top` best labels of each frame, and with `features`
    /// if wanted. Frames are `numbered` where one file holds many.
    pub(crate) fn new(out: W, errors: E, top: usize, features: bool, numbered: bool) -> Self {
        Self {
            out,
            errors,
            top,
            numbered,
            features,
            ranked: Vec::with_capacity(top),
        }
    }

    /// What was written to.
    pub(crate) fn into_out(self) -> W {
        self.out
    }

    /// Writes what is buffered.
    ///
    /// # Errors
    /// Those of the writer.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl<W: Write, E: Write> Listener for JsonLines<W, E> {
    fn outcome(&mut self, outcome: &Outcome<'_>, _: &mut Stages) -> io::Result<()> {
        rank(outcome.scores, self.top, &mut self.ranked);
        let named = self.ranked.iter().map(|ranked| Top {
            label: &outcome.labels[ranked.index],
            score: Score(ranked.score),
        });
        let top: Vec<Top> = named.collect();
        let Some(best) = top.first() else {
            return Ok(());
        };
        let line = Line {
            head: Head::of(outcome.frame, outcome.hashes.region, self.numbered),
            label: best.label,
            score: best.score,
            made_up: (outcome.made_up * 1e4).round() / 1e4,
            state: outcome
                .update
                .as_ref()
                .map(|update| Label::new(update.statement(), outcome.hashes)),
            top,
            features: outcome.features.filter(|_| self.features),
        };
        write(&mut self.out, &line)
    }

    fn bad_frame(&mut self, frame: &Frame, _: &'static str, error: &dyn Display) -> io::Result<()> {
        let line = BadLine {
            head: Head::of(frame, None, self.numbered),
            error: error.to_string(),
        };
        write(&mut self.errors, &line)
    }
}

/// Writes `line` and the end of it.
fn write(out: &mut impl Write, line: &impl Serialize) -> io::Result<()> {
    escape::write_json(&mut *out, line)?;
    out.write_all(b"\n")
}
