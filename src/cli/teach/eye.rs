//! What is seen in prepared pictures: the model's features, and the edges of the scene.

use crate::engine::{self, Engine, Input};
use crate::vision::Scene;

/// Has the model compute features of pictures, and learns their edges.
pub(super) struct Eye {
    engine: Box<dyn Engine>,
    input: Input,
    /// The edges that the pictures have in common.
    scene: Scene,
}

impl Eye {
    /// With a model that takes pictures as `input` tells.
    pub fn new(engine: Box<dyn Engine>, input: Input) -> Self {
        Self {
            engine,
            input,
            scene: Scene::new(),
        }
    }

    /// Learns the edges of a prepared picture. Unless its features are `known`, computes and
    /// returns them.
    ///
    /// # Errors
    /// Trouble that the next picture would meet too.
    pub fn see(&mut self, picture: &[f32], known: bool) -> Result<Option<&[f32]>, engine::Error> {
        self.scene.learn(picture, &self.input);
        if known {
            return Ok(None);
        }
        self.engine.infer(picture)?;
        Ok(self.engine.features())
    }

    /// The scene, as a head remembers it. Ends the model, whose memory others then have.
    pub fn into_scene(self) -> Vec<u8> {
        self.scene.to_bytes()
    }
}
