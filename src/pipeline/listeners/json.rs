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
    state: Option<Label<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    features: Option<&'a [f32]>,
}

/// Writes a JSON object for every classified frame: `seq`, `source`, the unsmoothed `label`,
/// `score` and `top`, and `state`, the payload that would be published, or null. On demand also
/// `features`, in the fewest digits that read back as the same f32.
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
            seq: outcome.frame.seq,
            source: &outcome.frame.name,
            label: best.label,
            score: best.score,
            state: outcome
                .update
                .as_ref()
                .map(|update| Label::new(update.statement(), outcome.model)),
            top,
            features: outcome.features.filter(|_| self.features),
        };
        serde_json::to_writer(&mut self.out, &line)?;
        self.out.write_all(b"\n")
    }
}
