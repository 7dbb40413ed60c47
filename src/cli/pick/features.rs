//! Frames to features, through the stages of the daemon.

use std::fmt::Display;
use std::io;

use crate::config::Loaded;
use crate::frame::Frame;
use crate::meter::timing::Stages;
use crate::pipeline::{Listener, Outcome, Pipeline};
use crate::setup::{Failure, Model};
use crate::vision::Gate;

/// Takes frames through the stages of the daemon, for their features.
pub(super) struct Features {
    pipeline: Pipeline,
    newest: Newest,
}

/// What a frame led to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Seen<'a> {
    /// Its features.
    Features(&'a [f32]),
    /// Nothing moved since the frame before; the daemon would not classify it.
    Still,
    /// It is no picture, or not a whole one, for this reason.
    Bad(&'a str),
}

/// What the pipeline told of the newest frame.
#[derive(Default)]
struct Newest {
    features: Vec<f32>,
    classified: bool,
    /// Why it cannot be used; empty if it can.
    fault: String,
}

impl Features {
    /// The stages that `loaded` configures around `model`.
    pub fn new(loaded: &Loaded, model: Model) -> Self {
        let config = &loaded.config;
        Self {
            pipeline: Pipeline::new(&config.vision, &config.observe, &model.card, model.engine),
            newest: Newest::default(),
        }
    }

    /// Puts the daemon's gate before the stages.
    pub fn gated(self, gate: Gate) -> Self {
        Self {
            pipeline: self.pipeline.gated(gate),
            ..self
        }
    }

    /// Takes one frame through the stages.
    ///
    /// # Errors
    /// Trouble that the next frame would meet too.
    pub fn of(&mut self, frame: &mut Frame) -> Result<Seen<'_>, Failure> {
        let newest = &mut self.newest;
        newest.fault.clear();
        self.pipeline.process(frame, &mut [newest])?;
        let Newest {
            features,
            classified,
            fault,
        } = &self.newest;
        Ok(if !fault.is_empty() {
            Seen::Bad(fault)
        } else if *classified {
            Seen::Features(features)
        } else {
            Seen::Still
        })
    }
}

impl Listener for Newest {
    fn outcome(&mut self, outcome: &Outcome<'_>, _: &mut Stages) -> io::Result<()> {
        self.classified = outcome.classified();
        self.features.clear();
        self.features
            .extend_from_slice(outcome.features.unwrap_or_default());
        if outcome.made_up > 0.0 {
            let percent = (100.0 * outcome.made_up).max(1.0);
            self.fault = format!("{percent:.0} % of the picture is damaged");
        }
        Ok(())
    }

    fn bad_frame(&mut self, _: &Frame, _: &'static str, error: &dyn Display) -> io::Result<()> {
        self.fault = error.to_string();
        Ok(())
    }
}
