//! Which label was published, and from when until when.

/// The most runs that are held. A film that changes more often is described by its totals.
pub(super) const MOST: usize = 10_000;

/// Frames in a row with the same published label.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Run {
    /// The label's index; `None` is unknown.
    pub label: Option<u32>,
    /// The numbers of the first and of the last frame.
    pub from: u64,
    pub to: u64,
    /// Their times, in seconds of the recording.
    pub start: f64,
    pub end: f64,
    pub frames: u64,
}

/// All runs, as far as there is room.
#[derive(Clone, Debug, Default)]
pub(super) struct Runs {
    pub runs: Vec<Run>,
    /// Runs that found no room.
    pub left_out: u64,
    last: Option<Option<u32>>,
}

impl Runs {
    /// Takes in a frame. Returns true if it begins a run and is not the first frame.
    pub fn add(&mut self, label: Option<u32>, seq: u64, time: f64) -> bool {
        let begins = self.last != Some(label);
        let first = self.last.is_none();
        self.last = Some(label);
        if begins {
            if self.runs.len() == MOST {
                self.left_out += 1;
                return true;
            }
            self.runs.push(Run {
                label,
                from: seq,
                to: seq,
                start: time,
                end: time,
                frames: 1,
            });
        } else if self.left_out == 0
            && let Some(run) = self.runs.last_mut()
        {
            (run.to, run.end) = (seq, time);
            run.frames += 1;
        }
        begins && !first
    }

    /// Bytes that are held.
    pub fn bytes(&self) -> usize {
        self.runs.capacity() * size_of::<Run>()
    }

    /// How often the label changed.
    pub fn changes(&self) -> u64 {
        (self.runs.len() as u64 + self.left_out).saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_labels_make_one_run() {
        let mut runs = Runs::default();
        let labels = [None, Some(1), Some(1), None];
        let begun: Vec<bool> = (0_u64..)
            .zip(labels)
            .map(|(seq, label)| runs.add(label, seq, seq as f64 / 10.0))
            .collect();
        assert_eq!(begun, [false, true, false, true]);
        assert_eq!((runs.runs.len(), runs.changes()), (3, 2));
        assert_eq!((runs.runs[1].from, runs.runs[1].to), (1, 2));
    }

    #[test]
    fn runs_are_bounded_and_the_rest_is_counted() {
        let mut runs = Runs::default();
        for seq in 0..25_000_u64 {
            runs.add(Some((seq % 2) as u32), seq, seq as f64);
        }
        assert_eq!(runs.runs.len(), MOST);
        assert_eq!(runs.changes(), 24_999);
        assert_eq!(runs.runs[MOST - 1].frames, 1);
    }
}
