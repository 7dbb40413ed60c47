//! What the outputs of an engine mean.

use super::head::HeadInUse;
use crate::engine::{Card, Description, NOTHING, Output};
use crate::observe::{self, Observer, Rule, scores};
use crate::publish::Hashes;

/// What the outputs of an engine mean, and when one of them becomes a published label: that of the
/// network's own classifier, or that of a taught head.
pub(super) struct Meaning {
    /// One name for each output.
    pub(super) labels: Vec<String>,
    temperature: f32,
    output: Output,
    pub(super) head: Option<HeadInUse>,
    /// The rule in force.
    pub(super) rule: Rule,
}

impl Meaning {
    /// Of an engine of the network of `card`, which runs `head` if there is one. What `observe`
    /// does not set, the head tells.
    pub(super) fn new(
        engine: &Description,
        card: &Card,
        head: Option<HeadInUse>,
        observe: &observe::Config,
    ) -> Self {
        let mut meaning = match head {
            Some(head) => Self {
                labels: head.labels.clone(),
                temperature: head.temperature,
                // Whatever the network's own classifier ends in.
                output: Output::Logits,
                head: Some(head),
                rule: Rule::default(),
            },
            None => Self {
                labels: card.labels.to_vec(),
                temperature: card.temperature,
                output: engine.output,
                head: None,
                rule: Rule::default(),
            },
        };
        meaning.set_observe(observe);
        meaning
    }

    /// Takes over what `observe` sets.
    pub(super) fn set_observe(&mut self, observe: &observe::Config) {
        let other = self.head.as_ref().map(|head| head.rule);
        self.rule = observe.rule(&other.unwrap_or_default());
        if self.output == Output::Sigmoid {
            // Scores that do not sum to 1 have no entropy.
            self.rule.spread = 0.0;
        }
    }

    /// An observer of these labels, without a state.
    pub(super) fn observer(&self, observe: &observe::Config) -> Observer {
        Observer::ruled(observe, self.rule, &self.labels, self.nothing())
    }

    /// The label that is published as unknown. A network's own label of the same name is published.
    fn nothing(&self) -> Option<&'static str> {
        self.head.as_ref().map(|_| NOTHING)
    }

    /// Whether outputs are those of the same labels.
    pub(super) fn names_the_same(&self, other: &Self) -> bool {
        self.labels == other.labels && self.nothing() == other.nothing()
    }

    /// Turns outputs into one probability a label.
    ///
    /// # Errors
    /// Those of [`scores::softmax`].
    pub(super) fn scores(&self, outputs: &[f32], into: &mut [f32]) -> Result<(), scores::Error> {
        match self.output {
            Output::Logits => scores::softmax(outputs, self.temperature, into),
            Output::Softmax | Output::Sigmoid => scores::probabilities(outputs, into),
        }
    }

    /// The hashes of the model that `engine` runs, and of the head, beside the name of the `region`.
    pub(super) fn hashes<'a>(
        &'a self,
        region: Option<&'a str>,
        engine: &'a Description,
    ) -> Hashes<'a> {
        Hashes {
            region,
            model: &engine.model_hash,
            head: self.head.as_ref().map(|head| &*head.sha256),
        }
    }

    /// The labels that may be published, in order.
    pub(super) fn published(&self) -> impl Iterator<Item = &String> {
        let nothing = self.nothing();
        self.labels
            .iter()
            .filter(move |label| Some(label.as_str()) != nothing)
    }
}
