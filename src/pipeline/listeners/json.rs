//! One line of JSON a frame.

use std::io::{self, Write};

use serde::Serialize;

use crate::meter::timing::Stages;
use crate::observe::scores::{Ranked, rank};
use crate::pipeline::{Listener, Outcome};
use crate::publish::{Label, Score, Top};

/// One line.
#[derive(Serialize)]
struct Line<'a> {
    seq: u64,
    source: &'a str,
    label: &'a str,
    score: Score,
    top: Vec<Top<'a>>,
    /// The share of the picture that was damaged and filled in.
    #[serde(skip_serializing_if = "is_zero")]
    made_up: f32,
    state: Option<Label<'a>>,
}

fn is_zero(share: &f32) -> bool {
    *share == 0.0
}

/// Writes a JSON object for every classified frame: `seq`, `source`, the unsmoothed `label`,
/// `score` and `top`, `made_up` where damaged parts were filled in, and `state`, the payload that
/// would be published, or null.
pub(crate) struct JsonLines<W> {
    out: W,
    top: usize,
    ranked: Vec<Ranked>,
}

impl<W: Write> JsonLines<W> {
    /// Writes to `out`, with the `top` best labels of each frame.
    pub(crate) fn new(out: W, top: usize) -> Self {
        Self {
            out,
            top,
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
            seq: outcome.frame.seq,
            source: &outcome.frame.name,
            label: best.label,
            score: best.score,
            made_up: (outcome.made_up * 1e4).round() / 1e4,
            state: outcome
                .update
                .as_ref()
                .map(|update| Label::new(update.statement(), outcome.model)),
            top,
        };
        serde_json::to_writer(&mut self.out, &line)?;
        self.out.write_all(b"\n")
    }
}
