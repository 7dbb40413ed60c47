//! The stages that one frame passes, from its pixels to the published state; the same for the
//! daemon and for a replay.

mod change;
mod error;
mod head;
mod listeners;
mod look;
mod looked;
mod meaning;
mod outcome;
mod pace;
#[cfg(test)]
mod tests;
mod turn;

use std::time::Instant;

use self::look::{Look, Stage};
use self::turn::Turn;
use crate::engine::{self, Card, Engine, Input};
use crate::frame::{self, Frame};
use crate::meter::heap;
use crate::meter::timing::Stages;
use crate::observe;
use crate::vision::{self, Gate};

pub use error::Error;
pub(crate) use head::named;
pub use head::{HeadError, HeadFile, HeadInUse};
pub use listeners::Watching;
pub(crate) use listeners::{JsonLines, LogLines, Publishing, Reporting, Reviewing, Totals};
pub use look::Part;
pub(crate) use look::memory as look_memory;
pub(crate) use looked::Looked;
pub(crate) use outcome::{Listener, Outcome, Passed, lose, pass_over};
pub(crate) use pace::Pace;

/// The stages from vision to observe, with the buffers that each keeps: once for the whole picture,
/// or once for each region of it, around one engine.
pub struct Pipeline {
    /// At least one.
    looks: Vec<Look>,
    /// The shape of the inputs that they make.
    shape: Input,
    engine: Box<dyn Engine>,
    /// Frames so far.
    frames: u64,
    /// Frames show nothing of the present, so no observer sees them.
    blind: bool,
    /// Time and allocations of each stage.
    pub stages: Stages,
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
        Self::of(vec![Part::whole(vision, head)], observe, card, engine)
    }

    /// Puts the stages together for the model of `card` and for these parts of the picture, whose
    /// heads `engine` has in their places already. There is at least one part.
    pub fn of(
        parts: Vec<Part>,
        observe: &observe::Config,
        card: &Card,
        engine: Box<dyn Engine>,
    ) -> Self {
        let turns = Turn::share_out(parts.iter().map(|part| part.every));
        let look = |(part, turn)| Look::new(part, turn, observe, card, engine.describe());
        Self {
            looks: parts.into_iter().zip(turns).map(look).collect(),
            shape: card.input.clone(),
            engine,
            frames: 0,
            blind: false,
            stages: Stages::default(),
        }
    }

    /// Adds a gate in front of the stages of the whole picture.
    #[must_use]
    pub fn gated(mut self, gate: Gate) -> Self {
        if let Some(look) = self.looks.first_mut() {
            look.set_gate(gate);
        }
        self
    }

    /// Takes each frame for a picture that has nothing to do with the one before; see
    /// [`observe::Observer::stills`]. Each is every region's turn.
    #[must_use]
    pub fn stills(mut self) -> Self {
        self.looks.iter_mut().for_each(Look::stills);
        self
    }

    /// Takes one frame through all stages and tells `listeners` the outcome, in their order.
    ///
    /// A frame that is no picture is passed over, and listeners hear of that instead. A frame that
    /// the gate finds not worth an inference counts as one with the scores of the last one: the
    /// state stays, and heartbeats go on. The gate stays open while a change is under way. Bytes
    /// that the frame has on loan are returned before the first inference. With regions, all this
    /// holds for each region whose turn it is.
    ///
    /// # Errors
    /// Trouble that the next frame would meet too.
    pub fn process(
        &mut self,
        frame: &mut Frame,
        listeners: &mut [&mut dyn Listener],
    ) -> Result<(), Error> {
        let number = self.frames;
        self.frames += 1;
        let mut near = false;
        for look in &mut self.looks {
            near |= look.begin(number) && !self.blind;
        }
        for listener in listeners.iter_mut() {
            listener.frame(frame, near);
        }
        let seen = self.see(frame);
        frame.data.give_back();
        if let Err(error) = seen {
            return pass_over(frame, error.cause(), &error, listeners);
        }
        let mut passed = Passed::NoTurn;
        for place in 0..self.looks.len() {
            self.tell(place, frame, listeners, &mut passed)?;
        }
        for listener in listeners {
            listener.passed(frame, passed);
        }
        Ok(())
    }

    /// Makes the inputs of all whose turn it is, where they are worth an inference.
    fn see(&mut self, frame: &Frame) -> Result<(), frame::Error> {
        let (blind, stages) = (self.blind, &mut self.stages);
        let mut looks = self.looks.iter_mut();
        let seen = looks.try_for_each(|look| look.see(frame, blind, stages));
        if seen.is_err() && self.looks.len() > 1 {
            // What the gates of others found worth an inference has none.
            for look in &mut self.looks {
                look.outdated |= matches!(look.stage, Stage::Prepared(..));
            }
        }
        seen
    }

    /// Takes the look at this place through the rest of its stages, and tells `listeners` the
    /// outcome.
    fn tell(
        &mut self,
        place: usize,
        frame: &Frame,
        listeners: &mut [&mut dyn Listener],
        passed: &mut Passed,
    ) -> Result<(), Error> {
        let alone = self.looks.len() == 1;
        let Some(look) = self.looks.get_mut(place) else {
            return Ok(());
        };
        let (gate, prepared) = match look.stage {
            Stage::Passed => return Ok(()),
            Stage::Still(reading) => (Some(reading), None),
            Stage::Prepared(reading, took) => (reading, Some(took)),
        };
        let (start, engine) = (Instant::now(), self.engine.as_mut());
        let inferred = match prepared {
            Some(_) => Some(look.classify(engine, place, &mut self.stages)?),
            None => None,
        };
        let mut heap = heap::now();
        let update = if self.blind {
            None
        } else {
            let (seq, captured) = (frame.seq, frame.captured);
            look.observer.step(&look.scores, seq, captured)
        };
        if let Some(inferred) = inferred {
            self.stages.allocations.observe += heap.since();
            self.stages.observe.add(inferred.elapsed());
        }
        let took = prepared.map(|prepared| prepared + start.elapsed());
        look::count(&mut look.cost, took);
        let classified = inferred.is_some();
        let made_up = if classified {
            look.preparer.made_up()
        } else {
            0.0
        };
        passed.add(classified, made_up > 0.0);
        let outcome = Outcome {
            frame,
            place,
            gate,
            made_up,
            input: classified.then(|| (look.preparer.last(), &self.shape)),
            scores: &look.scores,
            features: self.engine.features().filter(|_| classified || alone),
            labels: &look.meaning.labels,
            rule: look.meaning.rule,
            hashes: look
                .meaning
                .hashes(look.name.as_deref(), self.engine.describe()),
            update,
        };
        for listener in listeners {
            listener
                .outcome(&outcome, &mut self.stages)
                .map_err(Error::Output)?;
        }
        Ok(())
    }

    /// Whether frames show nothing of the present from now on: the camera is lost, its pictures are
    /// dark or always the same. Meanwhile there are no updates. At the beginning the state is
    /// [withdrawn](observe::Observer::withdraw).
    pub(crate) fn set_blind(&mut self, blind: bool) {
        if blind && !self.blind {
            for look in &mut self.looks {
                look.observer.withdraw();
            }
        }
        self.blind = blind;
    }

    /// Has the next frame classified, whatever the gate finds.
    pub(crate) fn look_afresh(&mut self) {
        for look in &mut self.looks {
            look.outdated = true;
        }
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

    /// Forgets the times of the interval that is over.
    pub(crate) fn clear_times(&mut self) {
        self.stages.clear();
        for cost in self.looks.iter_mut().filter_map(|look| look.cost.as_mut()) {
            cost.times.clear();
        }
    }
}
