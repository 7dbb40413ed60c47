//! Which frames the page shows as pictures. Each choice is made as the frames come, and the number
//! of pictures that are held, and that are made in vain, is bounded.

/// The most pictures of the strip, and how many of them may be of changes.
pub(super) const STRIP: usize = 120;
const CHANGES: usize = 80;
/// The most pictures of each other kind.
pub(super) const LARGE: usize = 24;
/// Frames of a film within which only the most uncertain one counts: those around it look alike.
const NEIGHBOURS: u64 = 10;

/// A picture of the page.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shot {
    pub(super) seq: u64,
    pub(super) time: f64,
    /// The name of its file, or of the stream.
    pub(super) name: String,
    /// What was published.
    pub(super) state: Option<u32>,
    /// The best labels of this frame alone.
    pub(super) top: Vec<(u32, f32)>,
    /// The folder that it lies in, or what an earlier report has.
    pub(super) other: Option<String>,
    pub(super) picture: Picture,
}

impl Shot {
    /// Bytes that it holds.
    fn bytes(&self) -> usize {
        let texts = self.name.capacity() + self.other.as_ref().map_or(0, String::capacity);
        size_of::<Self>() + self.picture.jpeg.capacity() + texts + 8 * self.top.capacity()
    }
}

/// Bytes that `shots` hold.
pub(super) fn bytes<'a>(shots: impl Iterator<Item = &'a Shot>) -> usize {
    shots.map(Shot::bytes).sum()
}

/// A JPEG file.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Picture {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) jpeg: Vec<u8>,
}

/// What is to be done with a frame, in this order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// A large picture of the frame that was kept before.
    pub(crate) kept: bool,
    /// A small picture of this one.
    pub(crate) small: bool,
    /// A large picture of this one.
    pub(crate) large: bool,
    /// A copy of this one.
    pub(crate) keep: bool,
}

/// An even choice of things whose number is not known in advance.
#[derive(Clone, Debug)]
pub(super) struct Thinned {
    /// With the number among those that were offered.
    held: Vec<(u64, Shot)>,
    most: usize,
    stride: u64,
    pub offered: u64,
}

impl Thinned {
    pub fn new(most: usize) -> Self {
        Self {
            held: Vec::new(),
            most,
            stride: 1,
            offered: 0,
        }
    }

    /// Offers one more. Returns whether it is wanted.
    pub fn offer(&mut self) -> bool {
        let number = self.offered;
        self.offered += 1;
        if self.held.len() >= self.most && number.is_multiple_of(self.stride) {
            self.stride = self.stride.saturating_mul(2);
            let stride = self.stride;
            self.held
                .retain(|(number, _)| number.is_multiple_of(stride));
        }
        number.is_multiple_of(self.stride)
    }

    /// Adds the one that was offered last.
    pub fn add(&mut self, shot: Shot) {
        self.held.push((self.offered.saturating_sub(1), shot));
    }

    /// Those that were added and are left.
    pub fn shots(&self) -> impl ExactSizeIterator<Item = &Shot> {
        self.held.iter().map(|(_, shot)| shot)
    }
}

/// The pictures of the strip.
#[derive(Clone, Debug)]
pub(super) struct Strip {
    changes: Thinned,
    even: Thinned,
    change: bool,
}

impl Strip {
    pub fn new() -> Self {
        Self {
            changes: Thinned::new(CHANGES),
            even: Thinned::new(STRIP),
            change: false,
        }
    }

    /// Offers a frame, which may be a change. Returns whether its picture is wanted.
    pub fn offer(&mut self, change: bool) -> bool {
        self.change = change && self.changes.offer();
        self.even.offer() || self.change
    }

    /// Adds the frame that was offered last.
    pub fn add(&mut self, shot: Shot) {
        let to = if self.change {
            &mut self.changes
        } else {
            &mut self.even
        };
        to.add(shot);
    }

    /// All pictures that are held.
    pub fn held(&self) -> impl Iterator<Item = &Shot> {
        self.changes.shots().chain(self.even.shots())
    }

    /// The pictures in their order: those of changes, and between them an even choice.
    pub fn shots(&self) -> Vec<&Shot> {
        let mut all: Vec<&Shot> = self.changes.shots().collect();
        let room = STRIP.saturating_sub(all.len());
        let step = self.even.held.len().div_ceil(room.max(1)).max(1);
        all.extend(self.even.shots().step_by(step));
        all.sort_by_key(|shot| shot.seq);
        all
    }
}

/// The pictures with the least rank.
#[derive(Clone, Debug, Default)]
pub(super) struct Least {
    ranked: Vec<(f32, Shot)>,
    /// How many frames there were to choose from.
    pub offered: u64,
}

impl Least {
    pub fn accepts(&self, rank: f32) -> bool {
        self.ranked.len() < LARGE || self.ranked.last().is_some_and(|(worst, _)| rank < *worst)
    }

    pub fn add(&mut self, rank: f32, shot: Shot) {
        let place = self.ranked.partition_point(|(other, _)| *other <= rank);
        self.ranked.insert(place, (rank, shot));
        self.ranked.truncate(LARGE);
    }

    /// The pictures, least rank first.
    pub fn shots(&self) -> Vec<&Shot> {
        self.ranked.iter().map(|(_, shot)| shot).collect()
    }
}

/// The most uncertain frames: of those near each other in a film, one.
#[derive(Clone, Debug, Default)]
pub(super) struct Uncertain {
    pub least: Least,
    kept: Option<(f32, Shot)>,
    /// The one that is to be made into a picture now.
    due: Option<(f32, Shot)>,
}

impl Uncertain {
    /// Takes in a frame: the lead of its best label, if it is uncertain, and its number. Returns
    /// whether the kept frame is due as a picture, and whether this one is to be kept.
    pub fn offer(
        &mut self,
        lead: Option<f32>,
        seq: u64,
        stills: bool,
        shot: impl FnOnce() -> Shot,
    ) -> (bool, bool) {
        let over = |kept: &Shot| stills || seq.saturating_sub(kept.seq) > NEIGHBOURS;
        if self.kept.as_ref().is_some_and(|(_, kept)| over(kept)) {
            self.due = self
                .kept
                .take()
                .filter(|(rank, _)| self.least.accepts(*rank));
        }
        let due = self.due.is_some();
        let Some(lead) = lead else {
            return (due, false);
        };
        self.least.offered += 1;
        let keep = match &self.kept {
            Some((kept, _)) => lead < *kept,
            None => self.least.accepts(lead),
        };
        if keep {
            self.kept = Some((lead, shot()));
        }
        (due, keep)
    }

    /// Makes the kept frame due, at the end. Returns whether there is one.
    pub fn finish(&mut self) -> bool {
        self.due = self.kept.take();
        self.due.is_some()
    }

    /// Takes the picture of the frame that was due; `None` if there is none.
    pub fn add(&mut self, picture: Option<Picture>) {
        if let (Some((rank, mut shot)), Some(picture)) = (self.due.take(), picture) {
            shot.picture = picture;
            self.least.add(rank, shot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::shot;
    use super::*;

    #[test]
    fn a_strip_has_the_changes_and_an_even_choice_of_the_rest() {
        let mut strip = Strip::new();
        let mut made = 0;
        for seq in 0..10_000 {
            let change = [10, 5_000, 9_999].contains(&seq);
            if strip.offer(change) {
                made += 1;
                strip.add(shot(seq));
            }
        }
        let seqs: Vec<u64> = strip.shots().iter().map(|shot| shot.seq).collect();
        assert!((60..=STRIP).contains(&seqs.len()), "{}", seqs.len());
        assert!(seqs.is_sorted_by(|a, b| a < b), "{seqs:?}");
        assert!([10, 5_000, 9_999].iter().all(|seq| seqs.contains(seq)));
        let gap = seqs.windows(2).map(|two| two[1] - two[0]).max();
        assert!(gap <= Some(128), "{gap:?}");
        assert!(made < 800, "{made} pictures were made");
    }

    #[test]
    fn a_strip_of_nothing_but_changes_is_bounded() {
        let mut strip = Strip::new();
        for seq in 0..10_000 {
            if strip.offer(true) {
                strip.add(shot(seq));
            }
        }
        assert!(strip.shots().len() <= STRIP);
        let changes = strip.changes.shots().len();
        assert!((CHANGES / 2..=CHANGES).contains(&changes), "{changes}");
        assert!(strip.even.shots().len() <= STRIP);
    }

    /// Offers frames with these leads; returns the numbers of the shown, and how many were made.
    fn shown(leads: impl Iterator<Item = f32>, stills: bool) -> (Vec<u64>, u64) {
        let (mut uncertain, mut made) = (Uncertain::default(), 0);
        for (seq, lead) in (0..).zip(leads) {
            let lead = (lead < 0.5).then_some(lead);
            if uncertain.offer(lead, seq, stills, || shot(seq)).0 {
                made += 1;
                uncertain.add(Some(Picture::default()));
            }
        }
        if uncertain.finish() {
            uncertain.add(Some(Picture::default()));
        }
        let shots = uncertain.least.shots();
        (shots.iter().map(|shot| shot.seq).collect(), made)
    }

    #[test]
    fn neighbours_in_a_film_give_one_picture() {
        let leads = |seq: u64| match seq {
            100..=105 => 0.3 - (seq - 100) as f32 / 100.0,
            106..=112 => 0.3,
            300 => 0.1,
            _ => 0.9,
        };
        assert_eq!(shown((0..400).map(leads), false).0, [300, 105]);
        let (pictures, _) = shown((0..400).map(leads), true);
        assert_eq!(pictures.len(), 14);
    }

    #[test]
    fn a_film_that_grows_uncertain_costs_few_pictures() {
        let (pictures, made) = shown((0..10_000).map(|i| 0.4 - i as f32 / 1e5), false);
        assert_eq!((pictures.len(), made), (1, 0));
        let (pictures, made) = shown((0..10_000).map(|i| 0.3 + i as f32 / 1e5), false);
        assert_eq!(pictures.len(), LARGE);
        assert!(made <= 1_000, "{made}");
    }
}
