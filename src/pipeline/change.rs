//! What changes under a running pipeline, between two frames.

use super::Pipeline;
use super::head::{HeadFile, HeadInUse};
use super::meaning::Meaning;
use super::turn::Turn;
use crate::engine::{self, Card, Engine, Input};
use crate::observe;
use crate::region::Places;
use crate::vision::{self, GateConfig};

impl Pipeline {
    /// Adds a gate in front of the stages of each of the parts that it was put together of.
    #[must_use]
    pub(crate) fn gated_each(mut self, gate: &GateConfig) -> Self {
        for look in &mut self.looks {
            look.gate(gate, &self.shape);
        }
        self
    }

    /// Goes on with another engine of the same model, which has the same heads in their places.
    pub(crate) fn set_engine(&mut self, engine: Box<dyn Engine>) {
        self.engine = engine;
    }

    /// Goes on with other taught heads, one for each look, each of which may be none: then the
    /// classifier of the model of `card` takes its place. The next frame is classified, whatever
    /// the gate finds. Returns where labels differ: there is no state then until enough frames
    /// agree.
    ///
    /// # Errors
    /// A head does not fit the engine. Those before stay.
    pub(crate) fn set_heads(
        &mut self,
        heads: Vec<Option<HeadFile>>,
        card: &Card,
        observe: &observe::Config,
    ) -> Result<Places, engine::Error> {
        let split = heads
            .into_iter()
            .map(|head| head.map(HeadFile::split).unzip());
        let (weights, heads): (Vec<_>, Vec<Option<HeadInUse>>) = split.unzip();
        self.engine.set_heads(weights)?;
        let mut relabelled = Places::default();
        for (place, (look, head)) in self.looks.iter_mut().zip(heads).enumerate() {
            let meaning = Meaning::new(self.engine.describe(), card, head, observe);
            let other = !meaning.names_the_same(&look.meaning);
            look.meaning = meaning;
            if other {
                relabelled.add(place);
                look.observer = look.meaning.observer(observe);
                look.scores.clear();
                look.scores.resize(look.meaning.labels.len(), 0.0);
            } else {
                look.observer.configure(observe, look.meaning.rule);
                look.observer.repeat();
            }
            look.outdated = true;
        }
        Ok(relabelled)
    }

    /// Goes on with other rules for what is published, and with the present state.
    pub(crate) fn set_observe(&mut self, observe: &observe::Config) {
        for look in &mut self.looks {
            look.meaning.set_observe(observe);
            look.observer.configure(observe, look.meaning.rule);
        }
    }

    /// Goes on with other settings of how frames are prepared and gated, for the same parts of the
    /// picture in the same order. Their heads stay.
    pub(crate) fn set_view(
        &mut self,
        views: &[(vision::Config, u32)],
        gate: &GateConfig,
        input: &Input,
    ) {
        let turns = Turn::share_out(views.iter().map(|(_, every)| *every));
        for ((look, (vision, _)), turn) in self.looks.iter_mut().zip(views).zip(turns) {
            look.set_view(vision, turn, input);
            look.gate(gate, input);
        }
        self.shape.clone_from(input);
    }
}
