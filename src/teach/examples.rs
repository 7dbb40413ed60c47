//! The examples that a head is taught.

use std::collections::HashSet;

use super::Error;
use crate::engine::{MOST_LABELS, check_label};

/// The most examples that can be taught.
pub const MOST_EXAMPLES: usize = 20_000;

/// When a picture was taken. Pictures of one group that are near in time are one burst, whatever
/// they show.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// A recording, a visit, a folder: times of different groups have nothing to do with each
    /// other. A picture without a time is a group of its own.
    pub group: u32,
    /// Seconds within the group, from any start.
    pub seconds: f64,
}

/// Features of pictures, each with its label and its moment.
#[derive(Clone, Debug)]
pub struct Examples {
    labels: Vec<String>,
    width: usize,
    /// One row of `width` numbers an example.
    features: Vec<f32>,
    /// Index into `labels`.
    kinds: Vec<u16>,
    moments: Vec<Moment>,
}

impl Examples {
    /// No examples yet, of `labels` in this order, with `width` features each.
    ///
    /// # Errors
    /// [`Error::Label`] and [`Error::Labels`].
    pub fn new(labels: Vec<String>, width: usize) -> Result<Self, Error> {
        if labels.len() > MOST_LABELS {
            return Err(Error::Labels {
                found: labels.len(),
                most: MOST_LABELS,
            });
        }
        let mut seen = HashSet::new();
        for label in &labels {
            check_label(label).map_err(Error::Label)?;
            if !seen.insert(label.as_str()) {
                return Err(Error::Label(format!("the label {label:?} stands twice")));
            }
        }
        Ok(Self {
            labels,
            width,
            features: Vec::new(),
            kinds: Vec::new(),
            moments: Vec::new(),
        })
    }

    /// Makes room for exactly so many examples more, so that the memory that they take is known.
    pub fn reserve(&mut self, examples: usize) {
        let examples = examples.min(MOST_EXAMPLES);
        self.features.reserve_exact(examples * self.width);
        self.kinds.reserve_exact(examples);
        self.moments.reserve_exact(examples);
    }

    /// Adds an example of the label of this index.
    ///
    /// # Errors
    /// [`Error::Features`] when they are not [`Examples::width`] finite numbers;
    /// [`Error::Examples`] when there are too many; [`Error::Label`] when there is no such label.
    /// The examples are then as they were.
    pub fn push(&mut self, label: usize, features: &[f32], moment: Moment) -> Result<(), Error> {
        if self.len() == MOST_EXAMPLES {
            return Err(Error::Examples {
                most: MOST_EXAMPLES,
            });
        }
        if features.len() != self.width {
            return Err(Error::Features(format!(
                "{} numbers instead of {}",
                features.len(),
                self.width
            )));
        }
        if !features.iter().all(|v| v.is_finite()) {
            return Err(Error::Features("not finite".into()));
        }
        let kind = u16::try_from(label)
            .ok()
            .filter(|_| label < self.labels.len());
        let kind = kind.ok_or_else(|| Error::Label(format!("there is no label number {label}")))?;
        self.features.extend_from_slice(features);
        self.kinds.push(kind);
        self.moments.push(moment);
        Ok(())
    }

    /// The labels.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// Features an example.
    pub fn width(&self) -> usize {
        self.width
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.kinds.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// The features of example `i`.
    pub fn row(&self, i: usize) -> &[f32] {
        &self.features[i * self.width..][..self.width]
    }

    /// The index of the label of example `i`.
    pub fn kind(&self, i: usize) -> usize {
        usize::from(self.kinds[i])
    }

    /// The moment of example `i`.
    pub fn moment(&self, i: usize) -> Moment {
        self.moments[i]
    }
}
