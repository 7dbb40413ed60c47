//! The scores over time, in no more columns than a screen shows.

/// The most columns.
const MOST: usize = 800;

/// Frames in a row, as one column of the chart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Column {
    /// The number of the first frame among those that were classified, and its time.
    pub at: u64,
    pub time: f64,
    /// The least and the greatest score of the best label.
    pub low: f32,
    pub high: f32,
    /// The label that had the greatest.
    pub label: u32,
    /// What was published at the last of the frames; `None` is unknown.
    pub state: Option<u32>,
    frames: u64,
}

/// Columns of equal numbers of frames. Once there are too many, two become one.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub columns: Vec<Column>,
    /// Frames in a column.
    width: u64,
    seen: u64,
}

impl Default for Series {
    fn default() -> Self {
        Self {
            columns: Vec::new(),
            width: 1,
            seen: 0,
        }
    }
}

impl Series {
    /// Takes in a frame, whose best `label` has this `score`.
    pub fn add(&mut self, time: f64, label: u32, score: f32, state: Option<u32>) {
        let frame = Column {
            at: self.seen,
            time,
            low: score,
            high: score,
            label,
            state,
            frames: 1,
        };
        self.seen += 1;
        match self.columns.last_mut() {
            Some(column) if column.frames < self.width => join(column, &frame),
            _ => {
                if self.columns.len() == MOST {
                    self.halve();
                }
                self.columns.push(frame);
            }
        }
    }

    /// Bytes that are held.
    pub fn bytes(&self) -> usize {
        self.columns.capacity() * size_of::<Column>()
    }

    fn halve(&mut self) {
        self.width = self.width.saturating_mul(2);
        let pairs = self.columns.chunks(2).map(|pair| {
            let mut column = pair[0];
            pair[1..].iter().for_each(|other| join(&mut column, other));
            column
        });
        self.columns = pairs.collect();
    }
}

fn join(column: &mut Column, other: &Column) {
    if other.high > column.high {
        (column.high, column.label) = (other.high, other.label);
    }
    column.low = column.low.min(other.low);
    column.state = other.state;
    column.frames += other.frames;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_film_keeps_its_lows_and_highs() {
        let mut series = Series::default();
        for frame in 0..10_000_u32 {
            let score = match frame {
                5_000 => 0.01,
                7_777 => 0.99,
                _ => 0.5,
            };
            series.add(f64::from(frame), frame % 3, score, Some(1));
        }
        assert!(series.columns.len() <= MOST && series.columns.len() > MOST / 2);
        let low = series.columns.iter().map(|c| c.low).fold(1.0, f32::min);
        let high = series.columns.iter().map(|c| c.high).fold(0.0, f32::max);
        assert_eq!((low, high), (0.01, 0.99));
        let frames: u64 = series.columns.iter().map(|c| c.frames).sum();
        assert_eq!(frames, 10_000);
        assert!(series.columns.is_sorted_by_key(|c| c.at));
    }
}
