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
mod tests;
