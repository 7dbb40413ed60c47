//! The frames from which the most different are picked, in bounded memory.

use std::time::Duration;

use super::held::Held;
use crate::setup::Failure;
use crate::teach::farthest;

/// The most frames that are held.
const MOST: usize = 1024;

/// A frame that may be picked.
#[derive(Debug)]
pub(super) struct Candidate {
    /// Its number in the recording.
    pub seq: u64,
    /// Its time on the recording's clock.
    pub elapsed: Duration,
    /// The path of its file.
    pub path: String,
    /// Its picture, of a recording that comes once.
    pub held: Option<Held>,
}

/// Frames that differ from each other.
///
/// A frame is taken in if it is farther than `radius` from all that are held. When they become too
/// many, the half of them that differs most stays, and the radius grows so that each of the others
/// is within it of one that stays. So a short visit in a long film is held as well as the hours
/// around it: what counts is how different it is, and not how long.
pub(super) struct Candidates {
    width: usize,
    /// Features of length 1, a row each.
    rows: Vec<f32>,
    held: Vec<Candidate>,
    /// The square of a distance between rows.
    radius: f32,
    /// The row of a frame that is offered.
    unit: Vec<f32>,
}

impl Candidates {
    /// None yet, of frames with `width` features.
    pub fn new(width: usize) -> Self {
        Self {
            width,
            rows: Vec::with_capacity((MOST + 1) * width),
            held: Vec::with_capacity(MOST + 1),
            radius: 0.0,
            unit: Vec::with_capacity(width),
        }
    }

    /// Offers a frame with these features, which becomes a `candidate` if it is taken in.
    ///
    /// # Errors
    /// That of `candidate`.
    pub fn offer(
        &mut self,
        features: &[f32],
        candidate: impl FnOnce() -> Result<Candidate, Failure>,
    ) -> Result<(), Failure> {
        let length = features.iter().map(|v| v * v).sum::<f32>().sqrt();
        let scale = if length > 0.0 { 1.0 / length } else { 0.0 };
        self.unit.clear();
        self.unit.extend(features.iter().map(|v| v * scale));
        // The last ones first: a frame is most like the one before it.
        let rows = self.rows.chunks_exact(self.width).rev();
        if rows
            .into_iter()
            .any(|row| distance(row, &self.unit) <= self.radius)
        {
            return Ok(());
        }
        self.held.push(candidate()?);
        self.rows.extend_from_slice(&self.unit);
        if self.held.len() > MOST {
            self.halve();
        }
        Ok(())
    }

    /// Keeps the half that differs most, in the order of time.
    fn halve(&mut self) {
        let mut stay = farthest(&self.rows, self.width, MOST / 2);
        stay.sort_unstable();
        let row = |at: usize| &self.rows[at * self.width..][..self.width];
        for at in 0..self.held.len() {
            let nearest = stay.iter().map(|&stays| distance(row(stays), row(at)));
            self.radius = self.radius.max(nearest.fold(f32::MAX, f32::min));
        }
        let rows: Vec<f32> = stay.iter().flat_map(|&at| row(at)).copied().collect();
        self.rows.clear();
        self.rows.extend(rows);
        self.held = only(std::mem::take(&mut self.held), &stay);
        self.held.reserve_exact(MOST + 1 - self.held.len());
    }

    /// The `count` that differ most, in the order of the recording; fewer if there are fewer.
    pub fn pick(self, count: usize) -> Vec<Candidate> {
        let mut picked = farthest(&self.rows, self.width, count);
        picked.sort_unstable();
        only(self.held, &picked)
    }
}

/// Of `all`, those at these places, which are in order. The others are let go.
fn only(all: Vec<Candidate>, places: &[usize]) -> Vec<Candidate> {
    let all = all.into_iter().enumerate();
    let stay = all.filter(|(at, _)| places.binary_search(at).is_ok());
    stay.map(|(_, candidate)| candidate).collect()
}

/// The square of the distance of two rows of the same length, in lanes that a processor computes at
/// once.
fn distance(a: &[f32], b: &[f32]) -> f32 {
    let square = |a: f32, b: f32| (a - b) * (a - b);
    let (a, a_rest) = a.as_chunks::<16>();
    let (b, b_rest) = b.as_chunks::<16>();
    let mut lanes = [0.0_f32; 16];
    for (a, b) in a.iter().zip(b) {
        for (lane, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane += square(*a, *b);
        }
    }
    let rest = a_rest.iter().zip(b_rest).map(|(a, b)| square(*a, *b));
    lanes.iter().sum::<f32>() + rest.sum::<f32>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(seq: u64) -> Result<Candidate, Failure> {
        Ok(Candidate {
            seq,
            elapsed: Duration::from_secs(seq),
            path: String::new(),
            held: None,
        })
    }

    fn picked(frames: impl Iterator<Item = [f32; 3]>, count: usize) -> Vec<u64> {
        let mut candidates = Candidates::new(3);
        for (seq, features) in frames.enumerate() {
            let offered = candidates.offer(&features, || candidate(seq as u64));
            assert!(offered.is_ok());
            assert!(candidates.held.len() <= MOST);
            assert!(candidates.rows.capacity() <= 3 * (MOST + 1));
        }
        let picked = candidates.pick(count);
        picked.iter().map(|candidate| candidate.seq).collect()
    }

    /// A film of noise around one view, with another view in a single frame.
    fn noisy(at: usize, odd: usize) -> [f32; 3] {
        let noise = |k: usize| ((at * 7919 + k * 104_729) % 1009) as f32 / 10_090.0;
        if at == odd {
            [0.0, 0.0, 1.0]
        } else {
            [1.0, noise(1), noise(2)]
        }
    }

    #[test]
    fn a_single_odd_frame_among_many_is_picked() {
        for odd in [0, 777, 19_999] {
            let picked = picked((0..20_000).map(|at| noisy(at, odd)), 4);
            assert_eq!(picked.len(), 4);
            assert!(picked.contains(&(odd as u64)), "{odd}: {picked:?}");
            assert!(picked.is_sorted());
        }
    }

    #[test]
    fn equal_frames_are_picked_once() {
        let picked = picked((0..5000).map(|at| [1.0, (at % 3) as f32, 0.0]), 30);
        assert_eq!(picked, [0, 1, 2]);
        assert_eq!(super::tests::picked([[0.0; 3]; 3].into_iter(), 2).len(), 1);
    }

    #[test]
    fn what_is_let_go_is_near_one_that_stays() {
        let mut candidates = Candidates::new(3);
        let frame = |at: usize| {
            let angle = at as f32 * 0.001;
            [angle.cos(), angle.sin(), 0.0]
        };
        for at in 0..3000 {
            let offered = candidates.offer(&frame(at), || candidate(at as u64));
            assert!(offered.is_ok());
        }
        let reach = 4.0 * candidates.radius.max(1e-6);
        for at in 0..3000 {
            let near = candidates.rows.chunks_exact(3);
            assert!(
                near.into_iter()
                    .any(|row| distance(row, &frame(at)) <= reach),
                "{at}"
            );
        }
    }
}
