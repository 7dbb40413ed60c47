//! What the page needs of each frame, in bounded memory.

use super::about::About;
use super::confusion::{Confusion, is_right};
use super::earlier::Earlier;
use super::runs::Runs;
use super::series::Series;
use super::shots::{LARGE, Least, Picture, Shot, Strip, Thinned, Uncertain, Wanted, bytes};
use crate::observe::Ranked;

/// The labels that stand below a picture.
const TOP: usize = 3;
/// The most characters of a frame's name that are kept.
const NAME: usize = 160;

/// One classified frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) seq: u64,
    /// Seconds of the recording.
    pub(crate) time: f64,
    /// The path of its file.
    pub(crate) name: &'a str,
    /// The best labels of this frame alone, best first.
    pub(crate) top: &'a [Ranked],
    /// The index of what is published from this frame on; `None` is unknown.
    pub(crate) state: Option<usize>,
    /// Whether its scores alone are uncertain.
    pub(crate) uncertain: bool,
    /// The index of the folder that it lies in, among the truths.
    pub(crate) truth: Option<usize>,
}

/// Frames and seconds of one published label.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Share {
    pub frames: u64,
    pub seconds: f64,
}

/// All that the page needs.
#[derive(Clone, Debug)]
pub(crate) struct Gathered {
    pub(super) about: About,
    pub(super) earlier: Option<Earlier>,
    pub(super) frames: u64,
    /// The first time, and the number and the time of the last frame.
    first: f64,
    last: (u64, f64),
    state: Option<u32>,
    /// Unknown, then each label.
    pub(super) shares: Vec<Share>,
    pub(super) runs: Runs,
    pub(super) series: Series,
    pub(super) confusion: Confusion,
    pub(super) strip: Strip,
    pub(super) uncertain: Uncertain,
    pub(super) mistakes: Least,
    pub(super) differing: Thinned,
    /// What the frame that was taken in last is large for.
    mistake: Option<(f32, String)>,
    difference: Option<String>,
}

impl Gathered {
    /// Nothing yet, to be compared with an `earlier` report.
    pub(crate) fn new(about: About, earlier: Option<Earlier>) -> Self {
        Self {
            shares: vec![Share::default(); about.labels.len() + 1],
            about,
            earlier,
            frames: 0,
            first: 0.0,
            last: (0, 0.0),
            state: None,
            runs: Runs::default(),
            series: Series::default(),
            confusion: Confusion::default(),
            strip: Strip::new(),
            uncertain: Uncertain::default(),
            mistakes: Least::default(),
            differing: Thinned::new(LARGE),
            mistake: None,
            difference: None,
        }
    }

    /// Takes in a frame. Returns which pictures are wanted.
    pub(crate) fn add(&mut self, seen: &Seen<'_>) -> Wanted {
        let Some(best) = seen.top.first() else {
            return Wanted::default();
        };
        let state = seen.state.and_then(|index| u32::try_from(index).ok());
        self.pass_time(seen, state);
        let change = self.runs.add(state, seen.seq, seen.time);
        let score = finite(best.score);
        self.series.add(seen.time, best.index as u32, score, state);
        let mut wanted = Wanted {
            small: self.strip.offer(change && !self.about.stills),
            ..Wanted::default()
        };
        let lead = best.score - seen.top.get(1).map_or(0.0, |second| second.score);
        let lead = (seen.uncertain && lead.is_finite()).then_some(lead);
        let stills = self.about.stills;
        let shot = || shot(seen, state);
        (wanted.kept, wanted.keep) = self.uncertain.offer(lead, seen.seq, stills, shot);
        self.mistake = self.mistake(seen, state, score);
        self.difference = self.difference(seen.seq, state);
        wanted.large = self.mistake.is_some() || self.difference.is_some();
        wanted
    }

    /// Gives the time since the frame before to the label of that one.
    fn pass_time(&mut self, seen: &Seen<'_>, state: Option<u32>) {
        if self.frames == 0 {
            self.first = seen.time;
        } else {
            let passed = (seen.time - self.last.1).max(0.0);
            let before = place(self.state);
            if let Some(share) = self.shares.get_mut(before) {
                share.seconds += passed;
            }
        }
        if let Some(share) = self.shares.get_mut(place(state)) {
            share.frames += 1;
        }
        self.frames += 1;
        self.last = (seen.seq, seen.time);
        self.state = state;
    }

    /// Whether a picture of this frame is wanted because it is seen wrongly: its rank, and the name
    /// of its folder.
    fn mistake(
        &mut self,
        seen: &Seen<'_>,
        state: Option<u32>,
        score: f32,
    ) -> Option<(f32, String)> {
        let index = seen.truth?;
        let truth = self.about.truths.get(index)?;
        self.confusion.add(index, state);
        if is_right(&self.about, truth, state) {
            return None;
        }
        self.mistakes.offered += 1;
        // The surest first. That nothing is known is no claim.
        let rank = if state.is_some() { -score } else { 1.0 - score };
        self.mistakes
            .accepts(rank)
            .then(|| (rank, truth.to_string()))
    }

    /// The label that the earlier report has of this frame, if it is another and a picture is
    /// wanted.
    fn difference(&mut self, seq: u64, state: Option<u32>) -> Option<String> {
        let before = self.earlier.as_ref()?.label_at(&self.about, seq)?;
        let differs = before != self.about.label(state);
        (differs && self.differing.offer()).then(|| before.to_string())
    }

    /// Takes the large picture of the frame that was kept; `None` if it could not be made.
    pub(crate) fn add_kept(&mut self, picture: Option<Picture>) {
        self.uncertain.add(picture);
    }

    /// Takes the small picture of the frame that was taken in last.
    pub(crate) fn add_small(&mut self, seen: &Seen<'_>, picture: Picture) {
        let mut shot = shot(seen, self.state);
        shot.picture = picture;
        self.strip.add(shot);
    }

    /// Takes the large picture of the frame that was taken in last.
    pub(crate) fn add_large(&mut self, seen: &Seen<'_>, picture: Picture) {
        let mut shot = shot(seen, self.state);
        shot.picture = picture;
        if let Some(before) = self.difference.take() {
            self.differing.add(Shot {
                other: Some(before),
                ..shot.clone()
            });
        }
        if let Some((rank, truth)) = self.mistake.take() {
            shot.other = Some(truth);
            self.mistakes.add(rank, shot);
        }
    }

    /// Bytes that are held for the page, roughly: those of pictures, runs and columns.
    pub(crate) fn bytes(&self) -> usize {
        let large = self.uncertain.least.shots().into_iter();
        let large = large
            .chain(self.mistakes.shots())
            .chain(self.differing.shots());
        bytes(self.strip.held().chain(large)) + self.runs.bytes() + self.series.bytes()
    }

    /// Ends the frames. Returns whether the picture of the kept frame is wanted. The last frame
    /// lasts as long as those before did in the mean.
    pub(crate) fn finish(&mut self) -> bool {
        let (last, interval) = (self.state, self.interval());
        if let Some(share) = self.shares.get_mut(place(last)) {
            share.seconds += interval;
        }
        self.uncertain.finish()
    }

    fn interval(&self) -> f64 {
        match self.frames {
            0 | 1 => 0.0,
            frames => (self.last.1 - self.first).max(0.0) / (frames - 1) as f64,
        }
    }

    /// The length of the recording in seconds, with the time of its last frame.
    pub(super) fn seconds(&self) -> f64 {
        (self.last.1 - self.first).max(0.0) + self.interval()
    }

    /// The labels that were published, the most frequent first, with their shares.
    pub(super) fn labels(&self) -> Vec<(Option<u32>, Share)> {
        let index = |place: usize| place.checked_sub(1).map(|index| index as u32);
        let shares = self.shares.iter().enumerate();
        let mut labels: Vec<_> = shares
            .filter(|(_, share)| share.frames > 0)
            .map(|(place, share)| (index(place), *share))
            .collect();
        labels.sort_by(|a, b| b.1.frames.cmp(&a.1.frames).then(a.0.cmp(&b.0)));
        labels
    }
}

/// The place of a label among the shares.
fn place(label: Option<u32>) -> usize {
    label.map_or(0, |index| index as usize + 1)
}

/// A score, which a broken model may have left undefined.
fn finite(score: f32) -> f32 {
    if score.is_finite() { score } else { 0.0 }
}

/// `seen` without its picture.
fn shot(seen: &Seen<'_>, state: Option<u32>) -> Shot {
    let top = seen.top.iter().take(TOP);
    let name = seen.name.rsplit('/').next().unwrap_or(seen.name);
    Shot {
        seq: seen.seq,
        time: seen.time,
        name: name.chars().take(NAME).collect(),
        state,
        top: top.map(|r| (r.index as u32, finite(r.score))).collect(),
        other: None,
        picture: Picture::default(),
    }
}
