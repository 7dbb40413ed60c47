//! Pictures as the daemon sees them: prepared for the model, its features, the edges of the scene.

use crate::config::Loaded;
use crate::engine::{self, Engine, Input};
use crate::frame::{self, Frame};
use crate::setup::Model;
use crate::vision::{Preparer, Scene};

/// Prepares pictures as the daemon does, and has the model compute their features.
pub(super) struct Eye {
    preparer: Preparer,
    engine: Box<dyn Engine>,
    input: Input,
    /// The last picture, as the model takes it.
    picture: Vec<f32>,
    /// The edges that the pictures have in common.
    scene: Scene,
}

/// Why a picture cannot be an example.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    #[error(transparent)]
    Frame(#[from] frame::Error),
    /// What was made up would be taught too.
    #[error("{0:.0} % of the picture is damaged")]
    Damaged(f32),
}

impl Eye {
    /// As `loaded` configures it, with `model`.
    pub fn new(loaded: &Loaded, model: Model) -> Self {
        Self {
            preparer: Preparer::new(&loaded.config.vision, &model.card.input),
            engine: model.engine,
            picture: Vec::new(),
            input: model.card.input,
            scene: Scene::new(),
        }
    }

    /// Prepares a picture and learns its edges. `known` tells whether its features are known;
    /// otherwise they are computed and returned.
    ///
    /// # Errors
    /// The outer one ends the run. The inner one is of this picture alone.
    pub fn see(
        &mut self,
        frame: &Frame,
        known: bool,
    ) -> Result<Result<Option<&[f32]>, Unusable>, engine::Error> {
        match self.preparer.prepare(frame.view()) {
            Ok(picture) => {
                self.picture.clear();
                self.picture.extend_from_slice(picture);
            }
            Err(e) => return Ok(Err(e.into())),
        }
        let made_up = self.preparer.made_up();
        if made_up > 0.0 {
            return Ok(Err(Unusable::Damaged((100.0 * made_up).max(1.0))));
        }
        self.scene.learn(&self.picture, &self.input);
        if known {
            return Ok(Ok(None));
        }
        self.engine.infer(&self.picture)?;
        Ok(Ok(self.engine.features()))
    }

    /// The scene, as a head remembers it. Ends the model, whose memory others then have.
    pub fn into_scene(self) -> Vec<u8> {
        self.scene.to_bytes()
    }
}
