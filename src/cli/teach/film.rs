//! The frames of a film that are examples.

use super::cache::Key;

/// The most frames of one film that are examples. Frames of a longer one are taken evenly: they are
/// near-copies of each other, and each costs an inference.
const FRAMES: usize = 500;

/// The kept frames of one film: all, or every second, fourth, eighth ... one.
#[derive(Default)]
pub(super) struct Film {
    /// When each was captured, in seconds, and its key.
    pub rows: Vec<(f64, Key)>,
    /// Frames from one that is kept to the next, less 1.
    between: u64,
    /// Frames that are passed by until the next that is kept.
    wait: u64,
    /// All frames.
    pub frames: u64,
}

impl Film {
    /// Whether the next frame is to be kept.
    pub fn wants(&mut self) -> bool {
        self.frames += 1;
        if self.wait > 0 {
            self.wait -= 1;
            return false;
        }
        self.wait = self.between;
        true
    }

    pub fn keep(&mut self, seconds: f64, key: Key) {
        if self.rows.len() == FRAMES {
            let mut at = 0;
            self.rows.retain(|_| {
                at += 1;
                at % 2 == 1
            });
            // This one stands where an even number of frames stood before it.
            self.between = 2 * self.between + 1;
            self.wait = self.between;
        }
        self.rows.push((seconds, key));
    }

    /// Whether frames were passed by.
    pub fn is_thinned(&self) -> bool {
        self.between > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The seconds of the kept frames of a film of so many.
    fn kept(frames: u32) -> Vec<u32> {
        let mut film = Film::default();
        for at in 0..frames {
            if film.wants() {
                film.keep(f64::from(at), Key::default());
            }
        }
        assert_eq!(film.frames, u64::from(frames));
        film.rows
            .iter()
            .map(|(seconds, _)| *seconds as u32)
            .collect()
    }

    #[test]
    fn a_film_is_taken_evenly_whatever_its_length() {
        assert_eq!(kept(500), (0..500).collect::<Vec<_>>());
        for (frames, step) in [(501, 2), (1000, 2), (1001, 4), (2000, 4), (10_001, 32)] {
            let wanted: Vec<_> = (0..frames).step_by(step).collect();
            assert_eq!(kept(frames), wanted, "{frames}");
        }
    }
}
