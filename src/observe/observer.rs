//! Turns the scores of each frame into updates.

use std::time::Duration;

use super::{Config, Ranked, Rule, Statement, Update, scores};
use crate::frame::Captured;

/// A label by its index, or unknown.
type Claim = Option<usize>;

/// Frames in a row, and the first of them.
#[derive(Clone, Copy, Debug)]
struct Run {
    frames: u32,
    since: Captured,
}

impl Run {
    fn add(run: Option<Self>, captured: Captured) -> Self {
        Self {
            frames: run.map_or(0, |r| r.frames).saturating_add(1),
            since: run.map_or(captured, |r| r.since),
        }
    }
}

/// Decides what is published; see the [module](super) for the rules.
#[derive(Clone, Debug)]
pub struct Observer {
    config: Config,
    rule: Rule,
    labels: Vec<String>,
    /// The label that stands for none of the others.
    nothing: Option<usize>,
    /// One smoothed score for each label.
    smoothed: Vec<f32>,
    /// The best smoothed scores: those that are published and `nothing`, and at least two for the
    /// margin.
    top: Vec<Ranked>,
    /// Those that are published.
    shown: Vec<Ranked>,
    /// The last frame, `None` before the first.
    last: Option<(u64, Captured)>,
    /// The published claim, and since when it holds.
    current: Option<(Claim, Captured)>,
    /// The claim that was withdrawn, until the next one is published.
    withdrawn: Option<Claim>,
    /// Frames in a row that claim the same other label.
    rival: Option<(Claim, Run)>,
    /// Frames in a row that do not claim `current`.
    lapse: Option<Run>,
    /// Time of the last update, by the source's clock.
    updated: Duration,
    /// Whether each frame is a picture of its own.
    stills: bool,
    /// The next frame publishes the state again, whenever the heartbeat is due.
    changed: bool,
}

impl Observer {
    /// Starts without a state. `config` is taken as [checked](Config::check), with the default
    /// [`Rule`] for what it does not set; `labels` are the model's, in order.
    pub fn new(config: &Config, labels: &[String]) -> Self {
        Self::ruled(config, config.rule(&Rule::default()), labels, None)
    }

    /// Starts without a state and claims labels by `rule`. `nothing` is the label that stands for
    /// none of the others: a frame that it fits best claims no label, and it is never published.
    pub(crate) fn ruled(
        config: &Config,
        rule: Rule,
        labels: &[String],
        nothing: Option<&str>,
    ) -> Self {
        Self {
            config: config.clone(),
            rule,
            labels: labels.to_vec(),
            nothing: labels.iter().position(|l| Some(l.as_str()) == nothing),
            smoothed: vec![0.0; labels.len()],
            top: Vec::with_capacity(room(config)),
            shown: Vec::with_capacity(config.top),
            last: None,
            current: None,
            withdrawn: None,
            rival: None,
            lapse: None,
            updated: Duration::ZERO,
            stills: false,
            changed: false,
        }
    }

    /// Takes each frame for a picture that has nothing to do with the one before: each is judged by
    /// its own scores, threshold and margin, and is a change.
    #[must_use]
    pub fn stills(mut self) -> Self {
        self.stills = true;
        self.config.frames = 1;
        self
    }

    /// Takes one frame's probabilities and returns the update that is due, if any.
    ///
    /// `scores` holds one probability a label; a missing or non-finite one counts as 0, and further
    /// ones are ignored. `captured.elapsed` may advance at any pace. If it stands still or goes
    /// back, the frame has no weight in the smoothing, and the heartbeat counts from there.
    pub fn step(&mut self, scores: &[f32], seq: u64, captured: Captured) -> Option<Update<'_>> {
        if self.stills {
            (self.last, self.current) = (None, None);
        }
        self.smooth(scores, captured.elapsed);
        self.last = Some((seq, captured));
        scores::rank(&self.smoothed, room(&self.config), &mut self.top);
        self.shown.clear();
        let named = self.top.iter().filter(|r| Some(r.index) != self.nothing);
        self.shown.extend(named.take(self.config.top));
        self.updated = self.updated.min(captured.elapsed);

        let before = self.withdrawn.or(self.current.map(|(claim, _)| claim));
        if let Some(decided) = self.decide(self.claim(), captured) {
            self.current = Some(decided);
            self.withdrawn = None;
            self.rival = None;
            self.lapse = None;
            self.updated = captured.elapsed;
            self.changed = false;
            if before == Some(decided.0) {
                return self.current().map(Update::Return);
            }
            return Some(Update::Change {
                statement: self.current()?,
                previous: before.map(|claim| self.name(claim)),
            });
        }
        let since = captured.elapsed.saturating_sub(self.updated);
        let due = self.changed || since.as_secs_f64() >= self.config.heartbeat;
        if due && self.current.is_some() {
            self.changed = false;
            self.updated = captured.elapsed;
            return self.current().map(Update::Heartbeat);
        }
        None
    }

    /// Goes on with other settings and the same state. If they differ, the next frame publishes the
    /// state again, in their terms.
    pub(crate) fn configure(&mut self, config: &Config, rule: Rule) {
        if *config != self.config || rule != self.rule {
            self.config.clone_from(config);
            self.rule = rule;
            self.changed = true;
        }
    }

    /// Has the next frame publish the state again, whenever the heartbeat is due.
    pub(crate) fn repeat(&mut self) {
        self.changed = true;
    }

    /// Takes the state back: frames no longer show what it claims. The next frame is taken as it
    /// is, and a state takes as many frames as the first one did.
    pub(crate) fn withdraw(&mut self) {
        self.withdrawn = self
            .current
            .take()
            .map(|(claim, _)| claim)
            .or(self.withdrawn);
        self.rival = None;
        self.lapse = None;
        self.last = None;
    }

    /// The state as of the last frame; `None` before the first change.
    pub(crate) fn current(&self) -> Option<Statement<'_>> {
        let (index, since) = self.current?;
        let (seq, captured) = self.last?;
        Some(Statement {
            label: self.name(index),
            index,
            score: index.map(|i| self.score(i)),
            top: &self.shown,
            since,
            seq,
            captured,
            labels: &self.labels,
        })
    }

    /// Returns true when a state is published and no change is under way: more frames like the last
    /// one would change nothing.
    pub(crate) fn settled(&self) -> bool {
        self.current.is_some() && self.rival.is_none() && self.lapse.is_none()
    }

    /// Returns true when the next frame may change the state: it takes one more frame that does not
    /// claim the published label. Without this no frame changes the state, whatever its scores are.
    pub(crate) fn near(&self) -> bool {
        // The frames that claim one other label are among those that do not claim this one.
        let frames = self.lapse.map_or(0, |lapse| lapse.frames);
        frames.saturating_add(1) >= self.config.frames
    }

    /// Moves each smoothed score towards the frame's by `1 - exp(-dt / tau)`; the first frame is
    /// taken as it is.
    fn smooth(&mut self, scores: &[f32], elapsed: Duration) {
        let weight = match self.last {
            Some((_, last)) if self.config.smoothing > 0.0 => {
                let dt = elapsed.saturating_sub(last.elapsed).as_secs_f32();
                -(-dt / self.config.smoothing).exp_m1()
            }
            _ => 1.0,
        };
        for (index, smoothed) in self.smoothed.iter_mut().enumerate() {
            let score = scores.get(index).copied().filter(|s| s.is_finite());
            let score = score.unwrap_or(0.0).clamp(0.0, 1.0);
            // A score that stays as it is must not drift by rounding, and without smoothing it is
            // taken exactly.
            *smoothed = if weight < 1.0 {
                *smoothed + weight * (score - *smoothed)
            } else {
                score
            };
        }
    }

    /// The claim of this frame alone.
    fn claim(&self) -> Claim {
        let best = self.top.first()?;
        if Some(best.index) == self.nothing {
            return None;
        }
        let second = self.top.get(1).map_or(0.0, |second| second.score);
        if best.score >= self.rule.threshold
            && best.score - second >= self.rule.margin
            && self.gathered()
        {
            return Some(best.index);
        }
        // Hysteresis: keeping a label takes less than claiming it.
        let (published, _) = self.current?;
        published.filter(|&label| self.score(label) >= self.rule.release)
    }

    /// Returns true when the scores are spread over no more labels than a claim allows.
    fn gathered(&self) -> bool {
        self.rule.spread == 0.0 || scores::spread(&self.smoothed) <= self.rule.spread
    }

    /// Counts the frames in a row, and returns a change and the first frame of it once there are
    /// enough.
    fn decide(&mut self, claim: Claim, captured: Captured) -> Option<(Claim, Captured)> {
        let current = self.current.map(|(claim, _)| claim);
        if current == Some(claim) {
            self.rival = None;
            self.lapse = None;
            return None;
        }
        let enough = self.config.frames;
        let lapse = Run::add(self.lapse, captured);
        let run = Run::add(self.rival.filter(|r| r.0 == claim).map(|r| r.1), captured);
        self.lapse = Some(lapse);
        self.rival = Some((claim, run));
        match claim {
            Some(_) if run.frames >= enough => Some((claim, run.since)),
            // No label is claimed, and the published one lacked support for long enough.
            None if lapse.frames >= enough => Some((None, lapse.since)),
            // Other labels take turns, none of them for long enough: let go of the old one. Only as
            // a turn begins, so that a label about to be published does not start over.
            Some(_) => {
                let turns = run.frames == 1 && lapse.frames >= enough.saturating_mul(2);
                (turns && current != Some(None)).then_some((None, lapse.since))
            }
            _ => None,
        }
    }

    fn score(&self, label: usize) -> f32 {
        self.smoothed.get(label).copied().unwrap_or(0.0)
    }

    fn name(&self, claim: Claim) -> &str {
        claim
            .and_then(|index| self.labels.get(index))
            .unwrap_or(&self.config.unknown)
    }
}

/// How many of the best scores are kept: those that are published, one more that may not be, and
/// at least two for the margin.
fn room(config: &Config) -> usize {
    config.top.saturating_add(1).max(2)
}
