//! The edges of the examples, of which the newest can be taken back.

use crate::engine::Taught;
use crate::vision::Scene;

/// The edges of the examples.
#[derive(Debug, Default)]
pub(super) struct Edges {
    scene: Scene,
    /// The edges before the newest example, if that was taken since the start.
    before: Option<Scene>,
}

impl Edges {
    /// Those of the examples that a head was fitted to; of none if it does not have them.
    pub fn of(taught: &Taught) -> Self {
        Self {
            scene: Scene::from_bytes(&taught.scene).unwrap_or_default(),
            before: None,
        }
    }

    /// Adds those of an example, if it has any.
    pub fn learn(&mut self, edges: Option<&Scene>) {
        self.before = Some(self.scene.clone());
        if let Some(edges) = edges {
            self.scene.learn_seen(edges);
        }
    }

    /// Takes those of the newest example back, if that was taken since the start.
    pub fn undo(&mut self) {
        if let Some(before) = self.before.take() {
            self.scene = before;
        }
    }

    /// Keeps those of the newest example, which can no longer be told from the others.
    pub fn settle(&mut self) {
        self.before = None;
    }

    /// Forgets all, except what [`Edges::undo`] goes back to.
    pub fn clear(&mut self) {
        self.scene = Scene::new();
    }

    /// For the file of a head; nothing if there are none.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self.scene.count() {
            0 => Vec::new(),
            _ => self.scene.to_bytes(),
        }
    }
}
