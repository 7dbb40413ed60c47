//! The model's input from one picture.

use crate::engine::Input;
use crate::frame::{Error, View};

use super::Config;
use super::geometry::{Geometry, Turn};
use super::resizer::{Resizer, Sink};

/// Makes the model's input from pictures of any format and size.
///
/// Its buffers depend on the size of the pictures and are kept from one to the next. A picture of
/// the same size and format as the one before allocates nothing, except a JPEG picture of several
/// scans.
pub struct Preparer {
    resizer: Resizer,
    target: Target,
    /// The share of the last picture that had no data.
    made_up: f32,
}

/// The input that is made.
struct Target {
    size: (usize, usize),
    /// For each colour, the normalised value of each of the 256 levels.
    levels: Box<[[f32; 256]; 3]>,
    picture: Vec<f32>,
}

impl Preparer {
    /// Makes inputs of the shape `input`; `config` has passed its check.
    pub fn new(config: &Config, input: &Input) -> Self {
        let level = |c: usize, v: usize| (v as f32 / 255.0 - input.mean[c]) / input.std[c];
        Self {
            resizer: Resizer::new(config, config.resize.unwrap_or(input.resize)),
            target: Target {
                size: (input.width, input.height),
                levels: Box::new(std::array::from_fn(|c| {
                    std::array::from_fn(|v| level(c, v))
                })),
                picture: vec![0.0; 3 * input.width * input.height],
            },
            made_up: 0.0,
        }
    }

    /// Bytes on the heap, including the decoder's and the input's: fixed once the first picture of
    /// a size and format was prepared.
    pub fn bytes(&self) -> usize {
        let input = self.target.picture.capacity() * size_of::<f32>();
        self.resizer.bytes() + input + size_of_val(&*self.target.levels)
    }

    /// The share of the last picture that had no data and was made up, 0 to 1.
    pub fn made_up(&self) -> f32 {
        self.made_up
    }

    /// The input that was made last.
    pub(crate) fn last(&self) -> &[f32] {
        &self.target.picture
    }

    /// The input for `view`: f32 `[3, height, width]`, planes of red, green and blue, normalised.
    ///
    /// # Errors
    /// The fault of the picture. The preparer stays usable.
    pub fn prepare(&mut self, view: View<'_>) -> Result<&[f32], Error> {
        self.made_up = 0.0;
        self.made_up = self.resizer.run(view, &mut self.target)?;
        Ok(&self.target.picture)
    }
}

impl Sink for Target {
    fn size(&self, _: (f64, f64)) -> (usize, usize) {
        self.size
    }

    fn begin(&mut self, _: (usize, usize), other: bool) {
        if other {
            // The margins are the mean colour, which is zero once normalised.
            self.picture.fill(0.0);
        }
    }

    /// Turns and normalises the row into the input.
    fn row(&mut self, turn: Turn, geometry: &Geometry, y: usize, row: &[u8]) {
        let (first, step, down) = turn.steps(geometry.target, self.size.0);
        let plane = self.picture.len() / 3;
        let start = first as isize + y as isize * down;
        for (c, plane) in self.picture.chunks_exact_mut(plane).enumerate() {
            let mut at = start;
            for &v in row.iter().skip(c).step_by(3) {
                if let Some(to) = usize::try_from(at).ok().and_then(|at| plane.get_mut(at)) {
                    *to = self.levels[c][usize::from(v)];
                }
                at += step;
            }
        }
    }
}

#[cfg(test)]
mod tests;
