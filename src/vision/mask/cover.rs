//! Where masks lie on pictures of one size and format.

use super::super::geometry::Turn;
use super::Mask;
use crate::frame::View;
use crate::frame::jpeg::Picture;

/// Below this part of a grain a mask does not touch it: shares times pixels are rarely exact.
const TOUCH: f64 = 1e-6;

/// Pixels whose values depend on each other, at the full size of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grain {
    /// Columns of one grain.
    pub(crate) wide: usize,
    /// Rows of one grain.
    pub(crate) high: usize,
    /// Grains around a masked one that depend on it too.
    reach: usize,
}

impl Grain {
    /// That of a raw picture: pixels that share their colour.
    pub(crate) fn raw(view: &View<'_>) -> Self {
        let (wide, high) = view.format.shared();
        Self {
            wide,
            high,
            reach: 0,
        }
    }

    /// That of a JPEG picture: one unit. Where the picture is decoded as a whole, colours are
    /// smoothed across the border of a unit.
    pub(crate) fn jpeg(picture: &Picture<'_>) -> Self {
        let (wide, high) = picture.unit();
        Self {
            wide,
            high,
            reach: usize::from(picture.is_whole()),
        }
    }

    /// Columns and rows of a grain of a JPEG picture that is read at `eighths` of its size. A raw
    /// picture is read at eight.
    pub(crate) fn at(self, eighths: usize) -> (usize, usize) {
        if eighths == 8 {
            return (self.wide, self.high);
        }
        // A unit's sides are multiples of eight.
        (self.wide / 8 * eighths, self.high / 8 * eighths)
    }
}

/// The pictures that a cover was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kind {
    full: (usize, usize),
    grain: Grain,
    turn: Turn,
}

/// Where masks lie on pictures of one kind, in grains.
#[derive(Debug)]
pub(crate) struct Cover {
    masks: Vec<Mask>,
    kind: Option<Kind>,
    /// For each row, where its spans end.
    ends: Vec<u32>,
    /// The first column and the one behind the last, in order and apart from each other.
    spans: Vec<[u32; 2]>,
}

impl Cover {
    /// A cover of `masks`, which have passed their check.
    pub(crate) fn new(masks: &[Mask]) -> Self {
        Self {
            masks: masks.to_vec(),
            kind: None,
            ends: Vec::new(),
            spans: Vec::new(),
        }
    }

    /// Whether there is no mask.
    pub(crate) fn is_empty(&self) -> bool {
        self.masks.is_empty()
    }

    /// Bytes on the heap that depend on the pictures.
    pub(crate) fn bytes(&self) -> usize {
        self.ends.capacity() * size_of::<u32>() + self.spans.capacity() * size_of::<[u32; 2]>()
    }

    /// The masked columns of row `row`, in grains.
    pub(super) fn row(&self, row: usize) -> &[[u32; 2]] {
        let end = |row: usize| self.ends.get(row).map_or(0, |&end| end as usize);
        let from = row.checked_sub(1).map_or(0, end);
        self.spans.get(from..end(row)).unwrap_or_default()
    }

    /// Computes where the masks lie on pictures of `full` pixels that `turn` makes upright, unless
    /// it did that last.
    pub(crate) fn fit(&mut self, full: (usize, usize), grain: Grain, turn: Turn) {
        let kind = Kind { full, grain, turn };
        if self.is_empty() || self.kind == Some(kind) {
            return;
        }
        let across = full.0.div_ceil(grain.wide);
        let down = full.1.div_ceil(grain.high);
        let (wide, high) = (grain.wide as f64, grain.high as f64);
        let shapes: Vec<Vec<[f64; 2]>> = (self.masks.iter())
            .map(|mask| {
                let corners = mask.corners.iter().map(|&corner| {
                    let [x, y] = turn.source(corner);
                    [x * full.0 as f64 / wide, y * full.1 as f64 / high]
                });
                corners.collect()
            })
            .collect();
        self.spans.clear();
        self.ends.clear();
        let mut row = Vec::new();
        for y in 0..down {
            row.clear();
            let first = y.saturating_sub(grain.reach);
            for y in first..=(y + grain.reach).min(down - 1) {
                for shape in &shapes {
                    touched(shape, y as f64, &mut row);
                }
            }
            let reach = grain.reach as f64;
            let most = across as f64;
            let mut whole = row.iter().map(|&[from, to]| {
                let from = ((from + TOUCH).floor() - reach).clamp(0.0, most);
                [from as u32, ((to - TOUCH).ceil() + reach).min(most) as u32]
            });
            merge(&mut whole, &mut self.spans, self.ends.last().copied());
            self.ends.push(self.spans.len() as u32);
        }
        self.spans.shrink_to_fit();
        self.kind = Some(kind);
    }
}

/// Adds `row` to `spans`, in order and joined where they meet; those before `end` belong to other
/// rows.
fn merge(row: &mut dyn Iterator<Item = [u32; 2]>, spans: &mut Vec<[u32; 2]>, end: Option<u32>) {
    let first = end.unwrap_or(0) as usize;
    spans.extend(row.filter(|[from, to]| from < to));
    spans[first..].sort_unstable();
    let mut last = first;
    for next in first..spans.len() {
        let [from, to] = spans[next];
        if next > first && from <= spans[last][1] {
            spans[last][1] = spans[last][1].max(to);
        } else {
            last += usize::from(next > first);
            spans[last] = [from, to];
        }
    }
    spans.truncate(if spans.len() > first { last + 1 } else { first });
}

/// Adds to `parts` the columns that the polygon `corners` touches between `y` and `y` + 1.
fn touched(corners: &[[f64; 2]], y: f64, parts: &mut Vec<[f64; 2]>) {
    let sides = || {
        let next = corners.iter().cycle().skip(1);
        corners.iter().copied().zip(next.copied())
    };
    // Between two of these heights no side begins or ends.
    let within = corners
        .iter()
        .map(|c| c[1])
        .filter(|&c| c > y && c < y + 1.0);
    let mut cuts: Vec<f64> = within.chain([y, y + 1.0]).collect();
    cuts.sort_by(f64::total_cmp);
    for cut in cuts.windows(2) {
        let (top, bottom) = (cut[0], cut[1]);
        if bottom - top < TOUCH {
            continue;
        }
        let through = sides().filter(|(a, b)| a[1].min(b[1]) <= top && a[1].max(b[1]) >= bottom);
        let mut ends: Vec<[f64; 2]> = through
            .filter(|(a, b)| a[1] != b[1])
            .map(|(a, b)| {
                let at = |y: f64| a[0] + (b[0] - a[0]) * (y - a[1]) / (b[1] - a[1]);
                [at(top), at(bottom)]
            })
            .collect();
        ends.sort_by(|a, b| (a[0] + a[1]).total_cmp(&(b[0] + b[1])));
        for pair in ends.chunks_exact(2) {
            let [left, right] = [pair[0], pair[1]];
            let (from, to) = (left[0].min(left[1]), right[0].max(right[1]));
            if to - from > TOUCH {
                parts.push([from, to]);
            }
        }
    }
}
