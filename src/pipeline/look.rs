//! One look at a frame: at the whole picture, or at a region of it.

use std::time::{Duration, Instant};

use super::error::Error;
use super::head::HeadInUse;
use super::meaning::Meaning;
use super::turn::Turn;
use crate::engine::{Card, Description, Engine, Input, MOST_LABELS};
use crate::frame::{self, Frame};
use crate::meter::heap;
use crate::meter::timing::{Histogram, Stages};
use crate::observe::{self, Observer};
use crate::region;
use crate::vision::{self, Gate, GateConfig, GateReading, Preparer};

/// What a pipeline looks at: the whole picture, or one region of it.
#[derive(Clone, Debug)]
pub struct Part {
    /// The region's name; `None` without regions.
    pub name: Option<String>,
    /// How frames become its input.
    pub vision: vision::Config,
    /// Goldcrest looks at it in one of so many frames.
    pub every: u32,
    /// The taught head that the engine runs at its place already; `None` for the model's own
    /// classifier.
    pub head: Option<HeadInUse>,
}

impl Part {
    /// All parts: the `regions` of what `vision` sees, or without any the whole of it. `heads` has
    /// one for each.
    pub fn all(
        vision: &vision::Config,
        regions: &[region::Config],
        heads: Vec<Option<HeadInUse>>,
    ) -> Vec<Self> {
        let mut heads = heads.into_iter();
        let mut head = || heads.next().flatten();
        if regions.is_empty() {
            return vec![Self::whole(vision, head())];
        }
        let part = |region: &region::Config| Self {
            name: Some(region.name.clone()),
            vision: region.seen(vision),
            every: region.every,
            head: head(),
        };
        regions.iter().map(part).collect()
    }

    /// The whole picture, each frame.
    pub(super) fn whole(vision: &vision::Config, head: Option<HeadInUse>) -> Self {
        Self {
            name: None,
            vision: vision.clone(),
            every: 1,
            head,
        }
    }
}

/// What one region cost.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cost {
    /// Inferences since the start.
    pub(crate) inferences: u64,
    /// Frames since the start in which the gate found it still.
    pub(crate) still: u64,
    /// Frames since the start that were not its turn.
    pub(crate) passed: u64,
    /// Time of a look with an inference, from the frame's bytes to the state; of the last interval.
    pub(crate) times: Histogram,
}

/// Bytes that a look holds from the start on, around the model of `card`: its input, the levels of
/// the colours, the gate's cells, a histogram, and what it knows of each label. The engine has the
/// weights of a head.
pub(crate) fn memory(card: &Card) -> usize {
    let pixels = card.input.width * card.input.height;
    pixels * 3 * size_of::<f32>() + OTHERS + card.labels.len().max(MOST_LABELS) * LABEL
}

/// Bytes that do not depend on the model.
const OTHERS: usize = 20 << 10;
/// Bytes that are known of a label: its name twice, and scores.
const LABEL: usize = 192;

/// What became of the present frame so far.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stage {
    /// It is not this one's turn.
    Passed,
    /// The gate is closed.
    Still(GateReading),
    /// The input is made, in so much time.
    Prepared(Option<GateReading>, Duration),
}

/// The stages of one part of the picture, with the buffers that each keeps. The engine is shared.
pub(super) struct Look {
    pub(super) name: Option<String>,
    /// How frames become its input.
    vision: vision::Config,
    turn: Turn,
    /// The present frame is its turn.
    due: bool,
    gate: Option<Gate>,
    pub(super) preparer: Preparer,
    pub(super) observer: Observer,
    pub(super) meaning: Meaning,
    /// Probabilities of the last classified frame.
    pub(super) scores: Vec<f32>,
    /// The next frame is to be classified: another head made `scores` than the one in place, the
    /// frame is wanted as an example, or the one before was damaged elsewhere.
    pub(super) outdated: bool,
    pub(super) stage: Stage,
    /// What it cost; `None` without regions, where the cost of the frame is the same.
    pub(super) cost: Option<Cost>,
}

impl Look {
    pub(super) fn new(
        part: Part,
        turn: Turn,
        observe: &observe::Config,
        card: &Card,
        engine: &Description,
    ) -> Self {
        let meaning = Meaning::new(engine, card, part.head, observe);
        Self {
            turn,
            due: false,
            gate: None,
            preparer: Preparer::new(&part.vision, &card.input),
            observer: meaning.observer(observe),
            scores: vec![0.0; meaning.labels.len()],
            meaning,
            outdated: false,
            stage: Stage::Passed,
            cost: part.name.is_some().then(Cost::default),
            name: part.name,
            vision: part.vision,
        }
    }

    /// Takes each frame for a picture that has nothing to do with the one before.
    pub(super) fn stills(&mut self) {
        self.observer = self.observer.clone().stills();
        self.turn = Turn::EACH;
    }

    /// Puts a gate in front.
    pub(super) fn set_gate(&mut self, gate: Gate) {
        self.gate = Some(gate);
    }

    /// Puts a gate of these settings in front, for inputs of this shape.
    pub(super) fn gate(&mut self, gate: &GateConfig, input: &Input) {
        self.gate = Some(Gate::new(gate, &self.vision, input));
    }

    /// How frames become its input.
    pub(super) fn vision(&self) -> &vision::Config {
        &self.vision
    }

    /// Goes on with other settings of how frames are prepared, and with other turns.
    pub(super) fn set_view(&mut self, vision: &vision::Config, turn: Turn, input: &Input) {
        self.preparer = Preparer::new(vision, input);
        self.vision.clone_from(vision);
        self.turn = turn;
    }

    /// Begins the frame of this number. Returns whether it may change the state.
    pub(super) fn begin(&mut self, number: u64) -> bool {
        self.stage = Stage::Passed;
        self.due = self.turn.has(number);
        if let Some(cost) = &mut self.cost
            && !self.due
        {
            cost.passed += 1;
        }
        self.due && self.observer.near()
    }

    /// Makes the input of `frame`, if this is its turn and that is worth an inference. A `blind`
    /// one need not settle.
    ///
    /// # Errors
    /// The frame is no picture.
    pub(super) fn see(
        &mut self,
        frame: &Frame,
        blind: bool,
        stages: &mut Stages,
    ) -> Result<(), frame::Error> {
        let reading = match &mut self.gate {
            _ if !self.due => return Ok(()),
            None => None,
            Some(gate) => {
                let start = Instant::now();
                let wanted = self.outdated || (!blind && !self.observer.settled());
                let look = gate.look(frame.view(), frame.captured.elapsed, wanted)?;
                stages.gate.add(start.elapsed());
                if !look.open {
                    self.stage = Stage::Still(look);
                    return Ok(());
                }
                Some(look)
            }
        };
        let (start, mut heap) = (Instant::now(), heap::now());
        self.preparer.prepare(frame.view())?;
        let took = start.elapsed();
        stages.allocations.vision += heap.since();
        stages.vision.add(took);
        self.stage = Stage::Prepared(reading, took);
        Ok(())
    }

    /// Brings `scores` up to the input that was made, which `engine` infers from with the head at
    /// `place`. Returns when the inference ended.
    pub(super) fn classify(
        &mut self,
        engine: &mut dyn Engine,
        place: usize,
        stages: &mut Stages,
    ) -> Result<Instant, Error> {
        let (start, mut heap) = (Instant::now(), heap::now());
        engine.choose(place);
        let outputs = engine.infer(self.preparer.last())?;
        let inferred = Instant::now();
        stages.allocations.infer += heap.since();
        self.meaning.scores(outputs, &mut self.scores)?;
        if self.meaning.head.is_some() {
            let familiarity = engine.familiarity();
            self.scores.iter_mut().for_each(|s| *s *= familiarity);
        }
        stages.allocations.observe += heap.since();
        self.outdated = false;
        stages.infer.add(inferred - start);
        Ok(inferred)
    }
}

/// Notes in `cost` that a frame was classified, which took so long from its bytes to the state, or
/// that it was found still.
pub(super) fn count(cost: &mut Option<Cost>, took: Option<Duration>) {
    let Some(cost) = cost else { return };
    match took {
        Some(took) => {
            cost.inferences += 1;
            cost.times.add(took);
        }
        None => cost.still += 1,
    }
}
