//! The ids of events.

use std::fmt::Write;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Instant, SystemTime};

use sha2::{Digest, Sha256};

/// Makes the ids of one run's events: the run, the number of the frame, and the region if there are
/// regions.
///
/// A clock is no part of them. A board without one begins each run at the same time, and frames of
/// a recording have the same times in every run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventIds(String);

impl EventIds {
    /// For a run that no other one is like, a daemon's.
    pub(crate) fn unique() -> Self {
        let random = || RandomState::new().build_hasher().finish().to_le_bytes();
        // Should the system's random numbers be the same at two starts of a board, these differ.
        let more = format!(
            "{:?} {:?} {}",
            SystemTime::now(),
            Instant::now(),
            std::process::id()
        );
        Self::hashed(&[&random(), &random(), more.as_bytes()])
    }

    /// For a run of which `parts` is all that matters: two runs of the same parts give the same
    /// ids, so that two replays of a recording can be compared.
    pub fn of_parts(parts: &[&str]) -> Self {
        let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
        Self::hashed(&parts)
    }

    fn hashed(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let mut run = String::new();
        for byte in &hash.finalize()[..6] {
            let _ = write!(run, "{byte:02x}");
        }
        Self(run)
    }

    /// The id of what happens at the frame with the number `seq`, in this region.
    pub(crate) fn at(&self, seq: u64, region: Option<&str>) -> String {
        match region {
            Some(region) => format!("{}-{seq}-{region}", self.0),
            None => format!("{}-{seq}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_differ_and_frames_of_a_run_share_its_part() {
        let (one, other) = (EventIds::unique(), EventIds::unique());
        assert_ne!(one.at(7, None), other.at(7, None));
        assert_eq!(one.at(7, None), one.at(7, None));
        assert_ne!(one.at(7, None), one.at(8, None));
        let [left, right] = ["left", "right"].map(|region| one.at(7, Some(region)));
        assert_ne!(left, right, "two regions may change in one frame");
    }

    #[test]
    fn the_same_replay_has_the_same_ids() {
        let replay = || EventIds::of_parts(&["front-replay", "bottles"]);
        assert_eq!(replay(), replay());
        let id = replay().at(42, None);
        let (run, seq) = id.split_once('-').unwrap();
        assert_eq!((run.len(), seq), (12, "42"));
        assert!(run.chars().all(|c| c.is_ascii_hexdigit()), "{id}");
        assert_ne!(replay(), EventIds::of_parts(&["front-replayb", "ottles"]));
    }
}
