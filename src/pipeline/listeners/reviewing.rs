//! Pictures to review.

use std::io;

use crate::frame::{Frame, PictureState};
use crate::meter::timing::Stages;
use crate::observe::{self, Update};
use crate::pipeline::{Listener, Outcome, Passed};
use crate::review::{Config, Doubts, Kind, Moment, Reviews};
use crate::vision;

/// Has pictures kept of frames that changed the label and of uncertain ones.
pub(crate) struct Reviewing {
    reviews: Reviews,
    /// Where the present frame was looked at.
    doubts: Doubts,
    /// What is worth most in the present frame, and the place of its look.
    best: Option<(Kind, f32, usize)>,
    /// The label of that, with regions behind the region's name.
    label: String,
}

impl Reviewing {
    /// Keeps pictures with `reviews`.
    pub(crate) fn new(reviews: Reviews) -> Self {
        Self {
            reviews,
            doubts: Doubts::default(),
            best: None,
            label: String::new(),
        }
    }

    /// Keeps pictures as `config` wants them from here on, and hides what each of `views` hides.
    pub(crate) fn configure(&mut self, config: &Config, views: &[(vision::Config, u32)]) {
        let seen = views.iter().map(|(vision, _)| vision.clone());
        self.reviews.configure(config, seen.collect());
    }

    /// Makes way for the next picture once one is written. Returns how many were wanted and are not
    /// kept so far.
    pub(crate) fn settle(&mut self) -> u64 {
        self.reviews.settle()
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
        self.best = None;
        self.doubts = Doubts::default();
        self.reviews.frame(frame, near);
    }

    /// Remembers the first change, or else the first uncertain moment: a frame has one picture.
    fn outcome(&mut self, outcome: &Outcome<'_>, _: &mut Stages) -> io::Result<()> {
        self.doubts.looked.add(outcome.place);
        let Some(Moment { kind, label, score }) = moment(outcome) else {
            return Ok(());
        };
        if kind == Kind::Uncertain {
            self.doubts.uncertain.add(outcome.place);
        }
        let better = match self.best {
            None => true,
            Some((before, ..)) => before == Kind::Uncertain && kind == Kind::Changed,
        };
        if better {
            self.best = Some((kind, score, outcome.place));
            self.label.clear();
            if let Some(region) = outcome.hashes.region {
                self.label.push_str(region);
                self.label.push('-');
            }
            self.label.push_str(label);
        }
        Ok(())
    }

    fn passed(&mut self, frame: &Frame, _: Passed) {
        let (kind, score, place) = match self.best.take() {
            Some(best) => best,
            None => return self.reviews.passed(frame, (None, 0), self.doubts),
        };
        let label = &self.label;
        let moment = Moment { kind, label, score };
        self.reviews
            .passed(frame, (Some(moment), place), self.doubts);
    }
}
