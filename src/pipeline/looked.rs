//! What others see of the looks of a pipeline.

use super::Pipeline;
use super::head::HeadInUse;
use super::look::{Cost, Look};
use crate::observe::Rule;
use crate::publish::Hashes;
use crate::vision;

/// One of the looks, as others see it.
pub(crate) struct Looked<'a> {
    /// The name of the region, the model and the head.
    pub(crate) hashes: Hashes<'a>,
    /// The taught head.
    pub(crate) head: Option<&'a HeadInUse>,
    /// The rule by which labels are claimed.
    pub(crate) rule: Rule,
    /// What it cost; `None` without regions.
    pub(crate) cost: Option<&'a Cost>,
    look: &'a Look,
}

impl<'a> Looked<'a> {
    /// The labels that may be published, in order.
    pub(crate) fn labels(&self) -> impl Iterator<Item = &'a String> + use<'a> {
        self.look.meaning.published()
    }

    /// A name for each score.
    pub(crate) fn scored(&self) -> &'a [String] {
        &self.look.meaning.labels
    }

    /// How frames become its input.
    pub(crate) fn vision(&self) -> &'a vision::Config {
        self.look.vision()
    }
}

impl Pipeline {
    /// All looks in their order: one for each region, or one without a name.
    pub(crate) fn looks(&self) -> impl Iterator<Item = Looked<'_>> {
        self.looks.iter().map(|look| Looked {
            hashes: look
                .meaning
                .hashes(look.name.as_deref(), self.engine.describe()),
            head: look.meaning.head.as_ref(),
            rule: look.meaning.rule,
            cost: look.cost.as_ref(),
            look,
        })
    }

    /// The region, if there are any the first one, and the hashes of the model and of the head.
    pub(crate) fn hashes(&self) -> Hashes<'_> {
        let first = self.looks().next();
        first.map_or(Hashes::from(&*self.engine.describe().model_hash), |l| {
            l.hashes
        })
    }

    /// The taught head in use; with regions, that of the first one.
    pub fn head(&self) -> Option<&HeadInUse> {
        self.looks().next()?.head
    }

    /// The labels that may be published, in order; with regions, those of the first one.
    pub(crate) fn labels(&self) -> impl Iterator<Item = &String> {
        self.looks
            .iter()
            .take(1)
            .flat_map(|look| look.meaning.published())
    }

    /// The rule by which labels are claimed; with regions, that of the first one.
    pub(crate) fn rule(&self) -> Rule {
        self.looks().next().map(|l| l.rule).unwrap_or_default()
    }
}
