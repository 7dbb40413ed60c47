//! One line of JSON a frame.

use std::fmt::Display;
use std::io::{self, Write};

use serde::Serialize;

use crate::frame::Frame;
use crate::meter::timing::Stages;
use crate::observe::scores::{Ranked, rank};
use crate::pipeline::{Listener, Outcome};
use crate::publish::{Label, Score, Top};

/// The beginning of each line.
#[derive(Serialize)]
struct Head<'a> {
    seq: u64,
    source: &'a str,
    /// Seconds from the start of the recording.
    time: f64,
}

impl<'a> Head<'a> {
    fn of(frame: &'a Frame) -> Self {
        Self {
            seq: frame.seq,
            source: &frame.name,
            time: frame.captured.elapsed.as_secs_f64(),
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

/// Writes a JSON object for every frame: `seq`, `source`, which is the path of its file, and `time`
/// in seconds from the recording's start. A classified frame has the unsmoothed `label`, `score`
/// and `top`, `made_up` where damaged parts were filled in, and `state`, the payload that would be
/// published, or null; one that was passed over has `error` instead. On demand a classified frame
/// also has `features`, in the fewest digits that read back as the same f32.
pub(crate) struct JsonLines<W> {
    out: W,
    top: usize,
    features: bool,
    ranked: Vec<Ranked>,
}

impl<W: Write> JsonLines<W> {
    /// Writes to `out`, with the `top` best labels of each frame, and with `features` if wanted.
    pub(crate) fn new(out: W, top: usize, features: bool) -> Self {
        Self {
            out,
            top,
            features,
            ranked: Vec::with_capacity(top),
        }
    }

    /// Writes what is buffered.
    ///
    /// # Errors
    /// Those of the writer.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl<W: Write> Listener for JsonLines<W> {
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
            head: Head::of(outcome.frame),
            label: best.label,
            score: best.score,
            made_up: (outcome.made_up * 1e4).round() / 1e4,
            state: outcome
                .update
                .as_ref()
                .map(|update| Label::new(update.statement(), outcome.model)),
            top,
            features: outcome.features.filter(|_| self.features),
        };
        write(&mut self.out, &line)
    }

    fn bad_frame(&mut self, frame: &Frame, _: &'static str, error: &dyn Display) -> io::Result<()> {
        let line = BadLine {
            head: Head::of(frame),
            error: error.to_string(),
        };
        write(&mut self.out, &line)
    }
}

/// Writes `line` and the end of it.
fn write(out: &mut impl Write, line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}
