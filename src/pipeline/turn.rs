//! The frames in which Goldcrest looks at a region.

/// One of every so many frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    /// The period, in frames.
    every: u32,
    /// The number of the first frame, below `every`.
    first: u32,
}

impl Turn {
    /// Each frame.
    pub(super) const EACH: Self = Self { every: 1, first: 0 };

    /// Whether the frame of this number has its turn. The first frame has the number 0.
    pub(super) fn has(self, number: u64) -> bool {
        number % u64::from(self.every) == u64::from(self.first)
    }

    /// The turns of regions with these periods, so that as few as can be share a frame: frames cost
    /// about the same.
    ///
    /// Each region in its order takes the first frame that it shares with the fewest of those before
    /// it. A period of 0 counts as 1.
    pub(super) fn share_out(periods: impl IntoIterator<Item = u32>) -> Vec<Self> {
        let mut turns: Vec<Self> = Vec::new();
        for every in periods {
            let every = every.max(1);
            let mut best = (f64::INFINITY, Self::EACH);
            for first in 0..every {
                let turn = Self { every, first };
                let shared = turns.iter().map(|other| turn.shared(*other)).sum();
                if shared < best.0 {
                    best = (shared, turn);
                }
            }
            turns.push(best.1);
        }
        turns
    }

    /// The share of all frames in which both have their turns.
    fn shared(self, other: Self) -> f64 {
        let common = divisor(self.every, other.every);
        if self.first % common != other.first % common {
            return 0.0;
        }
        f64::from(common) / (f64::from(self.every) * f64::from(other.every))
    }
}

/// The greatest common divisor of two numbers above 0.
fn divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of these regions have their turn in each of the first frames.
    fn loads<const N: usize>(periods: [u32; N], frames: u64) -> Vec<usize> {
        let turns = Turn::share_out(periods);
        let load = |n| turns.iter().filter(|turn| turn.has(n)).count();
        (0..frames).map(load).collect()
    }

    #[test]
    fn regions_in_turn_share_no_frame() {
        assert_eq!(loads([2, 2], 6), [1; 6]);
        assert_eq!(loads([3, 3, 3], 6), [1; 6]);
        assert_eq!(loads([2, 4, 4], 8), [1; 8]);
        assert_eq!(loads([8; 8], 16), [1; 16]);
    }

    #[test]
    fn every_region_has_its_share_of_frames() {
        assert_eq!(loads([1, 1], 3), [2; 3]);
        assert_eq!(loads([1, 2], 4), [2, 1, 2, 1]);
        // Periods without a common divisor meet, however they begin.
        for (period, turn) in [2, 3, 1000].iter().zip(Turn::share_out([2, 3, 1000])) {
            let frames = (0..6000).filter(|n| turn.has(*n)).count() as u32;
            assert_eq!(frames, 6000 / period);
        }
    }

    #[test]
    fn without_regions_each_frame_has_its_turn() {
        assert!((0..9).all(|n| Turn::EACH.has(n)));
        assert_eq!(Turn::share_out([1]), [Turn::EACH]);
        assert_eq!(Turn::share_out([0]), [Turn::EACH]);
    }
}
