//! Pictures to review.

use std::io;

use crate::frame::{Frame, PictureState};
use crate::meter::timing::Stages;
use crate::observe::{self, Update};
use crate::pipeline::{Listener, Outcome};
use crate::review::{Config, Kind, Moment, Reviews};
use crate::vision;

/// Has pictures kept of frames that changed the label and of uncertain ones.
pub(crate) struct Reviewing(Reviews);

impl Reviewing {
    /// Keeps pictures with `reviews`.
    pub(crate) fn new(reviews: Reviews) -> Self {
        Self(reviews)
    }

    /// Keeps pictures as `config` wants them from here on, and hides what `vision` hides.
    pub(crate) fn configure(&mut self, config: &Config, vision: &vision::Config) {
        self.0.configure(config, vision);
    }

    /// Makes way for the next picture once one is written. Returns how many were wanted and are not
    /// kept so far.
    pub(crate) fn settle(&mut self) -> u64 {
        self.0.settle()
    }
}

/// What is worth a picture in the frame of `outcome`.
fn moment<'a>(outcome: &'a Outcome<'_>) -> Option<Moment<'a>> {
    if let Some(Update::Change {
        statement,
        previous: Some(_),
    }) = &outcome.update
    {
        let best = statement.top.first().map_or(0.0, |best| best.score);
        return Some(Moment {
            kind: Kind::Changed,
            label: statement.label,
            score: statement.score.unwrap_or(best),
        });
    }
    // While nothing moves, the scores are of an earlier frame. Dark and stuck pictures show
    // nothing.
    let shows = |gate: vision::GateReading| gate.open && gate.picture == PictureState::Ok;
    if !outcome.gate.is_none_or(shows) {
        return None;
    }
    let best = observe::doubt(outcome.rule, outcome.scores)?;
    Some(Moment {
        kind: Kind::Uncertain,
        label: outcome.labels.get(best.index)?,
        score: best.score,
    })
}

impl Listener for Reviewing {
    fn frame(&mut self, frame: &Frame, near: bool) {
        self.0.frame(frame, near);
    }

    fn outcome(&mut self, outcome: &Outcome<'_>, _: &mut Stages) -> io::Result<()> {
        self.0.passed(outcome.frame, moment(outcome));
        Ok(())
    }
}
