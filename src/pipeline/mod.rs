//! The stages that one frame passes, from its pixels to the published state; the same for the
//! daemon and for a replay.

mod error;
mod head;
mod listeners;
mod meaning;
mod outcome;
mod pace;
#[cfg(test)]
mod tests;

use std::time::Instant;

use self::error::Stopped;
use self::meaning::Meaning;
use crate::engine::{self, Card, Engine, Input};
use crate::frame::Frame;
use crate::meter::heap::{self, Heap};
use crate::meter::timing::Stages;
use crate::observe::{self, Observer, Rule};
use crate::publish::Hashes;
use crate::vision::{self, Gate, GateConfig, GateReading, Preparer};

pub use error::Error;
pub(crate) use head::named;
pub use head::{HeadError, HeadFile, HeadInUse};
pub use listeners::Watching;
pub(crate) use listeners::{JsonLines, LogLines, Publishing, Reporting, Reviewing, Totals};
pub(crate) use outcome::{Listener, Outcome, lose, pass_over};
pub(crate) use pace::Pace;

/// The stages from vision to observe, with the buffers that each keeps.
pub struct Pipeline {
    gate: Option<Gate>,
    preparer: Preparer,
    /// The shape of the inputs that it makes.
    shape: Input,
    engine: Box<dyn Engine>,
    observer: Observer,
    /// Frames show nothing of the present, so the observer does not see them.
    blind: bool,
    meaning: Meaning,
    /// Probabilities of the last classified frame.
    scores: Vec<f32>,
    /// The next frame is to be classified: another head made `scores` than the one in place, or
    /// the frame is wanted as an example.
    outdated: bool,
    /// Time and allocations of each stage.
    pub stages: Stages,
}

/// When the last stage ended, and the heap's counters then.
struct Mark {
    time: Instant,
    heap: Heap,
}

impl Pipeline {
    /// Puts the stages together for the model of `card`, without a gate.
    pub fn new(
        vision: &vision::Config,
        observe: &observe::Config,
        card: &Card,
        engine: Box<dyn Engine>,
    ) -> Self {
        Self::taught(vision, observe, card, None, engine)
    }

    /// Puts the stages together for the model of `card` and for `head`, which `engine` runs
    /// already.
    pub fn taught(
        vision: &vision::Config,
        observe: &observe::Config,
        card: &Card,
        head: Option<HeadInUse>,
        engine: Box<dyn Engine>,
    ) -> Self {
        let meaning = Meaning::new(engine.describe(), card, head, observe);
        Self {
            gate: None,
            preparer: Preparer::new(vision, &card.input),
            shape: card.input.clone(),
            engine,
            observer: meaning.observer(observe),
            blind: false,
            scores: vec![0.0; meaning.labels.len()],
            outdated: false,
            meaning,
            stages: Stages::default(),
        }
    }

    /// Adds a gate in front of the stages.
    #[must_use]
    pub fn gated(mut self, gate: Gate) -> Self {
        self.gate = Some(gate);
        self
    }

    /// Takes each frame for a picture that has nothing to do with the one before; see
    /// [`Observer::stills`].
    #[must_use]
    pub fn stills(mut self) -> Self {
        self.observer = self.observer.stills();
        self
    }

    /// Takes one frame through all stages and tells `listeners` the outcome, in their order.
    ///
    /// A frame that is no picture is passed over, and listeners hear of that instead. A frame that
    /// the gate finds not worth an inference counts as one with the scores of the last one: the
    /// state stays, and heartbeats go on. The gate stays open while a change is under way. Bytes
    /// that the frame has on loan are returned before the inference.
    ///
    /// # Errors
    /// Trouble that the next frame would meet too.
    pub fn process(
        &mut self,
        frame: &mut Frame,
        listeners: &mut [&mut dyn Listener],
    ) -> Result<(), Error> {
        let near = !self.blind && self.observer.near();
        for listener in listeners.iter_mut() {
            listener.frame(frame, near);
        }
        let (gate, mark) = match self.score(frame) {
            Ok(scored) => scored,
            Err(Stopped::Failed(error)) => return Err(error),
            Err(Stopped::Bad(error)) => {
                return pass_over(frame, error.cause(), &error, listeners);
            }
        };
        let update = if self.blind {
            None
        } else {
            self.observer.step(&self.scores, frame.seq, frame.captured)
        };
        if let Some(mut mark) = mark {
            self.stages.allocations.observe += mark.heap.since();
            self.stages.observe.add(mark.time.elapsed());
        }
        let classified = gate.is_none_or(|gate| gate.open);
        let outcome = Outcome {
            frame,
            gate,
            made_up: if classified {
                self.preparer.made_up()
            } else {
                0.0
            },
            input: classified.then(|| (self.preparer.last(), &self.shape)),
            scores: &self.scores,
            features: self.engine.features(),
            labels: &self.meaning.labels,
            rule: self.meaning.rule,
            hashes: self.meaning.hashes(self.engine.describe()),
            update,
        };
        for listener in listeners {
            listener
                .outcome(&outcome, &mut self.stages)
                .map_err(Error::Output)?;
        }
        Ok(())
    }

    /// Brings `scores` up to `frame`. Returns what the gate found, and the mark of the inference
    /// where there was one.
    fn score(&mut self, frame: &mut Frame) -> Result<(Option<GateReading>, Option<Mark>), Stopped> {
        let Some(gate) = &mut self.gate else {
            return Ok((None, Some(self.classify(frame)?)));
        };
        let start = Instant::now();
        let wanted = self.outdated || (!self.blind && !self.observer.settled());
        let look = gate.look(frame.view(), frame.captured.elapsed, wanted);
        if !look.as_ref().is_ok_and(|look| look.open) {
            frame.data.give_back();
        }
        let look = look.map_err(Stopped::Bad)?;
        self.stages.gate.add(start.elapsed());
        let mark = if look.open {
            Some(self.classify(frame)?)
        } else {
            None
        };
        Ok((Some(look), mark))
    }

    /// Prepares and infers `frame`.
    fn classify(&mut self, frame: &mut Frame) -> Result<Mark, Stopped> {
        let (start, mut heap) = (Instant::now(), heap::now());
        let input = self.preparer.prepare(frame.view());
        frame.data.give_back();
        let input = input.map_err(Stopped::Bad)?;
        let prepared = Instant::now();
        self.stages.allocations.vision += heap.since();
        let outputs = self.engine.infer(input)?;
        let inferred = Instant::now();
        self.stages.allocations.infer += heap.since();
        self.meaning.scores(outputs, &mut self.scores)?;
        if self.meaning.head.is_some() {
            let familiarity = self.engine.familiarity();
            self.scores.iter_mut().for_each(|s| *s *= familiarity);
        }
        self.outdated = false;
        self.stages.vision.add(prepared - start);
        self.stages.infer.add(inferred - prepared);
        Ok(Mark {
            time: inferred,
            heap,
        })
    }

    /// Goes on with another engine of the same model, which runs the same head.
    pub(crate) fn set_engine(&mut self, engine: Box<dyn Engine>) {
        self.engine = engine;
    }

    /// Goes on with another taught head, or without one with the classifier of the model of `card`.
    /// The next frame is classified, whatever the gate finds. Returns whether labels differ: there
    /// is no state then until enough frames agree.
    ///
    /// # Errors
    /// The head does not fit the engine. The one before stays.
    pub(crate) fn set_head(
        &mut self,
        head: Option<HeadFile>,
        card: &Card,
        observe: &observe::Config,
    ) -> Result<bool, engine::Error> {
        let (weights, head) = head.map(HeadFile::split).unzip();
        self.engine.set_head(weights)?;
        let meaning = Meaning::new(self.engine.describe(), card, head, observe);
        let other = !meaning.names_the_same(&self.meaning);
        self.meaning = meaning;
        if other {
            self.observer = self.meaning.observer(observe);
            self.scores.clear();
            self.scores.resize(self.meaning.labels.len(), 0.0);
        } else {
            self.observer.configure(observe, self.meaning.rule);
            self.observer.repeat();
        }
        self.outdated = true;
        Ok(other)
    }

    /// Goes on with other rules for what is published, and with the present state.
    pub(crate) fn set_observe(&mut self, observe: &observe::Config) {
        self.meaning.set_observe(observe);
        self.observer.configure(observe, self.meaning.rule);
    }

    /// Goes on with other settings of how frames are prepared and gated.
    pub(crate) fn set_view(&mut self, vision: &vision::Config, gate: &GateConfig, input: &Input) {
        self.preparer = Preparer::new(vision, input);
        self.shape.clone_from(input);
        self.gate = Some(Gate::new(gate, vision, input));
    }

    /// Whether frames show nothing of the present from now on: the camera is lost, its pictures are
    /// dark or always the same. Meanwhile there are no updates. At the beginning the state is
    /// [withdrawn](Observer::withdraw).
    pub(crate) fn set_blind(&mut self, blind: bool) {
        if blind && !self.blind {
            self.observer.withdraw();
        }
        self.blind = blind;
    }

    /// Has the next frame classified, whatever the gate finds.
    pub(crate) fn look_afresh(&mut self) {
        self.outdated = true;
    }

    /// How many features the model gives of a frame; 0 if it gives none.
    pub(crate) fn features(&self) -> usize {
        self.engine.features().map_or(0, <[f32]>::len)
    }

    /// Returns mapped weights to the system until the next frame; see [`Engine::rest`].
    pub(crate) fn rest(&self) {
        self.engine.rest();
    }

    /// What runs the model.
    pub fn engine(&self) -> &engine::Description {
        self.engine.describe()
    }

    /// The hashes of the model and of the head.
    pub(crate) fn hashes(&self) -> Hashes<'_> {
        self.meaning.hashes(self.engine.describe())
    }

    /// The taught head in use.
    pub fn head(&self) -> Option<&HeadInUse> {
        self.meaning.head.as_ref()
    }

    /// A name for each score.
    pub(crate) fn scored(&self) -> &[String] {
        &self.meaning.labels
    }

    /// The labels that may be published, in order.
    pub(crate) fn labels(&self) -> impl Iterator<Item = &String> {
        self.meaning.published()
    }

    /// The rule by which labels are claimed.
    pub(crate) fn rule(&self) -> Rule {
        self.meaning.rule
    }
}
