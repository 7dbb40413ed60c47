//! Has the camera been moved? A coarse picture of a scene's edges, and the comparison with it.
//!
//! Edges of walls, doors and roads stay where they are by day and by night, in rain and in infrared
//! light. A [`Scene`] keeps them by place and direction, as the mean over pictures of the scene in
//! all its states, so that what comes and goes fades. [`Scene::fit`] compares two scenes.

mod compare;
mod edges;
#[cfg(test)]
mod tests;
mod watch;

use self::edges::{Cells, SIDE};
use crate::engine::Input;

pub(crate) use watch::Watch;

/// The fit below which the camera has been moved. Of the bounds that part moved cameras from others
/// best, on every second place of `benches/scene.rs`, it is the least.
pub const MOVED: f32 = 0.48;
/// The form of the bytes.
const VERSION: u8 = 1;
/// Bytes before the cells: the form, and the number of pictures.
const HEAD: usize = 3;
/// The most pictures that count: later ones still change the mean.
const MOST: u16 = 1000;
/// Cells with an edge that a statement needs, of 1024.
const ENOUGH: usize = 40;
/// The length from which a cell of a mean counts as one with an edge.
const LASTING: f32 = 0.2;
/// Steps of a length in a byte; a turn has one more.
const STEPS: f32 = 15.0;

/// The edges of a scene, as the mean over the pictures that were learnt. It takes 8 KiB.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// Pictures that were learnt.
    count: u16,
    /// The mean.
    cells: Box<Cells>,
    /// Cells with an edge in the last picture.
    strong: usize,
}

/// Bytes that are no scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the scene has another form; teach the head again with this version of Goldcrest")]
pub struct Unfit;

impl Default for Scene {
    fn default() -> Self {
        Self::new()
    }
}

impl Scene {
    /// A scene without a picture.
    pub fn new() -> Self {
        Self {
            count: 0,
            cells: Box::new([[0.0; 2]; SIDE * SIDE]),
            strong: 0,
        }
    }

    /// Learns a picture: the model's input as [`Preparer`](super::Preparer) makes it, f32
    /// `[3, height, width]` of the shape and the scale of `input`. Each example of a head is learnt
    /// once, whatever its label. Allocates nothing.
    pub fn learn(&mut self, picture: &[f32], input: &Input) {
        let mut cells = [[0.0; 2]; SIDE * SIDE];
        self.strong = edges::read(picture, input, &mut cells);
        self.learn_cells(&cells);
    }

    /// Learns the one picture that `other` [saw](Scene::see), on another thread for instance.
    pub fn learn_seen(&mut self, other: &Self) {
        self.strong = other.strong;
        self.learn_cells(&other.cells);
    }

    fn learn_cells(&mut self, cells: &Cells) {
        self.count = (self.count + 1).min(MOST);
        let weight = 1.0 / f32::from(self.count);
        for (mean, cell) in self.cells.iter_mut().zip(cells) {
            for (mean, value) in mean.iter_mut().zip(cell) {
                *mean += weight * (value - *mean);
            }
        }
    }

    /// Forgets all pictures and learns this one.
    pub fn see(&mut self, picture: &[f32], input: &Input) {
        self.count = 0;
        self.cells.fill([0.0; 2]);
        self.learn(picture, input);
    }

    /// The number of pictures that were learnt, up to 1000.
    pub fn count(&self) -> usize {
        self.count.into()
    }

    /// How well the view of `other`, of a picture that it [saw](Scene::see), fits this scene: 0 to
    /// 1.
    ///
    /// It is 0.5 if the view fits as well elsewhere, shifted, turned or zoomed, and below [`MOVED`]
    /// if it fits better there: the camera was moved. Returns `None` if either has too few edges to
    /// tell, as in the dark.
    pub fn fit(&self, other: &Self) -> Option<f32> {
        let lasting = |&[a, b]: &[f32; 2]| a * a + b * b >= LASTING * LASTING;
        let edges = self.cells.iter().filter(|cell| lasting(cell)).count();
        if edges < ENOUGH || other.strong < ENOUGH {
            return None;
        }
        Some(compare::fit(&self.cells, &other.cells))
    }

    /// The scene as 1027 bytes: the form, the number of pictures, and for each cell its strength in
    /// the upper and its direction in the lower four bits.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        bytes.extend(self.count.to_le_bytes());
        bytes.extend(self.cells.iter().map(|&[a, b]| {
            let length = ((a * a + b * b).sqrt().min(1.0) * STEPS).round() as u8;
            if length == 0 {
                return 0;
            }
            let turn = b.atan2(a) / std::f32::consts::TAU;
            let direction = (turn.rem_euclid(1.0) * (STEPS + 1.0)).round() as u8 % 16;
            length << 4 | direction
        }));
        bytes
    }

    /// Reads what [`Scene::to_bytes`] wrote. More pictures can be learnt then.
    ///
    /// # Errors
    /// Bytes of another form.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Unfit> {
        let [VERSION, low, high, cells @ ..] = bytes else {
            return Err(Unfit);
        };
        if bytes.len() != HEAD + SIDE * SIDE {
            return Err(Unfit);
        }
        let mut scene = Self::new();
        scene.count = u16::from_le_bytes([*low, *high]).min(MOST);
        for (cell, byte) in scene.cells.iter_mut().zip(cells) {
            let length = f32::from(byte >> 4) / STEPS;
            let turn = f32::from(byte & 15) / (STEPS + 1.0) * std::f32::consts::TAU;
            *cell = [length * turn.cos(), length * turn.sin()];
        }
        Ok(scene)
    }
}

/// Bytes that a running daemon takes to watch a scene: the scene and the present view of it.
pub(crate) const MEMORY: usize = 2 * size_of::<Cells>();
