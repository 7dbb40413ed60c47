//! Frames and pictures for the page of a replay.

use std::io;

use crate::frame::Frame;
use crate::meter::timing::Stages;
use crate::observe::scores::rank;
use crate::observe::{self, Ranked};
use crate::pipeline::{JsonLines, Listener, Outcome};
use crate::report::{Gathered, Lines, Picture, Seen};
use crate::snapshot::{Bounds, Encoder};
use crate::vision::{self, Thumbnailer};

/// Pictures of the strip.
const SMALL: Bounds = Bounds {
    longest_side: 160,
    quality: 60,
    max_bytes: 4 << 10,
    remedy: "",
};
/// Pictures of uncertain frames and of mistakes.
const LARGE: Bounds = Bounds {
    longest_side: 256,
    quality: 70,
    max_bytes: 9 << 10,
    remedy: "",
};
/// The labels that are looked at: those below a picture, and the second for the first one's lead.
const TOP: usize = 3;

/// Knows the index of the folder that a path lies in, where folders are labels.
type Truth = Box<dyn Fn(&str) -> Option<usize>>;

/// Gathers what the page of a replay needs, and makes its pictures: what the model sees, masks in
/// black.
pub(crate) struct Reporting {
    /// The place of the look that the page is about.
    place: usize,
    gathered: Gathered,
    lines: JsonLines<Lines, io::Sink>,
    small: Encoder,
    large: Encoder,
    /// A frame that may become a picture once the next ones are known.
    kept: Frame,
    ranked: Vec<Ranked>,
    state: Option<usize>,
    truth: Truth,
}

impl Reporting {
    /// Adds to `gathered` what the look at `place` finds in frames that `vision` crops and masks.
    /// Lines of JSON have the `top` best labels, and frames are `numbered` where one file holds
    /// many. `truth` knows the index of the folder that a path lies in.
    pub(crate) fn new(
        gathered: Gathered,
        (place, vision): (usize, &vision::Config),
        (top, numbered): (usize, bool),
        truth: Truth,
    ) -> Self {
        let encoder = |bounds| Encoder::new(bounds, Thumbnailer::new(vision));
        Self {
            place,
            gathered,
            lines: JsonLines::new(Lines::default(), io::sink(), top, false, numbered),
            small: encoder(SMALL),
            large: encoder(LARGE),
            kept: Frame::empty(),
            ranked: Vec::with_capacity(TOP),
            state: None,
            truth,
        }
    }

    /// Ends the frames.
    pub(crate) fn finish(mut self) -> (Gathered, Lines) {
        if self.gathered.finish() {
            let picture = picture(&mut self.large, &self.kept);
            self.gathered.add_kept(picture);
        }
        (self.gathered, self.lines.into_out())
    }
}

/// The picture of a frame, unless it cannot be made.
fn picture(encoder: &mut Encoder, frame: &Frame) -> Option<Picture> {
    match encoder.encode(frame.view()) {
        Ok(made) => Some(Picture {
            width: made.width,
            height: made.height,
            jpeg: made.jpeg,
        }),
        Err(why) => {
            log::debug!(
                "frame {}: no picture of it for the report: {why}",
                frame.seq
            );
            None
        }
    }
}

impl Listener for Reporting {
    fn outcome(&mut self, outcome: &Outcome<'_>, stages: &mut Stages) -> io::Result<()> {
        if outcome.place != self.place {
            return Ok(());
        }
        self.lines.outcome(outcome, stages)?;
        if let Some(update) = &outcome.update {
            self.state = update.statement().index;
        }
        rank(outcome.scores, TOP, &mut self.ranked);
        let frame = outcome.frame;
        let seen = Seen {
            seq: frame.seq,
            time: frame.captured.elapsed.as_secs_f64(),
            name: &frame.name,
            top: &self.ranked,
            state: self.state,
            uncertain: observe::doubt(outcome.rule, outcome.scores).is_some(),
            truth: (self.truth)(&frame.name),
        };
        let wanted = self.gathered.add(&seen);
        if wanted.kept {
            let picture = picture(&mut self.large, &self.kept);
            self.gathered.add_kept(picture);
        }
        if wanted.small
            && let Some(picture) = picture(&mut self.small, frame)
        {
            self.gathered.add_small(&seen, picture);
        }
        if wanted.large
            && let Some(picture) = picture(&mut self.large, frame)
        {
            self.gathered.add_large(&seen, picture);
        }
        if wanted.keep {
            self.kept.copy(frame);
        }
        Ok(())
    }
}
