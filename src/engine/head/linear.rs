//! A linear head in f32 over the features.

use super::dot::dot;
use super::known::Known;
use crate::engine::error::Error;

/// A linear layer in f32 over the features, which stands in for the bundle's classifier:
/// `logits[n] = sum_k weights[n, k] * features[k] + biases[n]`.
///
/// One that was taught takes the features less their centre, brought to length 1, and tells how
/// familiar they are. A head gives the same bits on every processor, and allocates nothing after it
/// was made.
#[derive(Clone, Debug)]
pub struct Head {
    weights: Vec<f32>,
    biases: Vec<f32>,
    known: Option<Known>,
    /// The features that `weights` are applied to, if it was taught.
    unit: Vec<f32>,
    logits: Vec<f32>,
    familiarity: f32,
}

impl Head {
    /// The head of `weights`, a row of as many as there are features for each class, and one bias
    /// for each class. It takes features as they are, and every picture is familiar to it.
    ///
    /// # Errors
    /// [`Error::Head`] when there is no class, the rows are not whole, or a number is not finite.
    pub fn new(weights: Vec<f32>, biases: Vec<f32>) -> Result<Self, Error> {
        let classes = biases.len();
        if classes == 0 || weights.is_empty() || !weights.len().is_multiple_of(classes) {
            return Err(Error::Head(format!(
                "the head has {} weights, which are no rows for {classes} classes",
                weights.len()
            )));
        }
        if !weights.iter().chain(&biases).all(|v| v.is_finite()) {
            return Err(Error::Head(
                "the head has weights or biases that are not finite".into(),
            ));
        }
        Ok(Self {
            logits: vec![0.0; classes],
            weights,
            biases,
            known: None,
            unit: Vec::new(),
            familiarity: 1.0,
        })
    }

    /// The head of `weights` and `biases` over centred features of length 1, as `known` describes
    /// them.
    ///
    /// # Errors
    /// As [`Head::new`], and when `known` is of another number of features or classes.
    pub fn taught(weights: Vec<f32>, biases: Vec<f32>, known: Known) -> Result<Self, Error> {
        let mut head = Self::new(weights, biases)?;
        known.fits(head.inputs(), head.outputs())?;
        head.unit = vec![0.0; head.inputs()];
        head.known = Some(known);
        Ok(head)
    }

    /// Features that it takes.
    pub fn inputs(&self) -> usize {
        self.weights.len() / self.biases.len()
    }

    /// Logits that it gives.
    pub fn outputs(&self) -> usize {
        self.biases.len()
    }

    /// Bytes that it holds.
    pub fn bytes(&self) -> usize {
        let known = self.known.as_ref().map_or(0, Known::len);
        let all = self.weights.len() + self.biases.len() + self.logits.len() + self.unit.len();
        (all + known) * size_of::<f32>()
    }

    /// Weights, a row a class; biases; and what is known of the features, if it was taught.
    pub(super) fn parts(&self) -> (&[f32], &[f32], Option<&Known>) {
        (&self.weights, &self.biases, self.known.as_ref())
    }

    /// Refuses a network that gives another number of features.
    pub(in crate::engine) fn fits(&self, features: usize) -> Result<(), Error> {
        if self.inputs() == features {
            return Ok(());
        }
        Err(Error::Head(format!(
            "the head takes {} features and the model gives {features}; use a head that was made for this model",
            self.inputs()
        )))
    }

    /// Computes the logits and the familiarity of `features`, of which there are [`Head::inputs`].
    pub fn run(&mut self, features: &[f32]) {
        let taken = match &self.known {
            Some(known) => {
                known.unit(features, &mut self.unit);
                self.unit.as_slice()
            }
            None => features,
        };
        let rows = self.weights.chunks_exact(taken.len());
        for ((logit, row), bias) in self.logits.iter_mut().zip(rows).zip(&self.biases) {
            *logit = dot(row, taken) + bias;
        }
        if let Some(known) = &self.known {
            self.familiarity = known.familiarity(features);
        }
    }

    /// The logits of the last run, 0 before the first.
    pub fn logits(&self) -> &[f32] {
        &self.logits
    }

    /// The probability that the features of the last run are of a kind that was taught, 0 to 1.
    pub fn familiarity(&self) -> f32 {
        self.familiarity
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logits_are_products_and_biases() {
        let weights = (0..2 * 19).map(|i| i as f32 - 9.0).collect();
        let mut head = Head::new(weights, vec![0.5, -1.0]).unwrap();
        let features: Vec<f32> = (0..19).map(|k| 0.25 * k as f32).collect();
        head.run(&features);
        let wanted = |n: usize| -> f32 {
            (0..19)
                .map(|k| (n * 19 + k) as f32 - 9.0)
                .zip(&features)
                .map(|(w, x)| w * x)
                .sum()
        };
        // Every product and sum is exact.
        assert_eq!(head.logits(), [wanted(0) + 0.5, wanted(1) - 1.0]);
        assert_eq!(head.familiarity(), 1.0);
    }

    #[test]
    fn a_taught_head_sees_centred_features_of_length_one() {
        let known = Known {
            centre: vec![1.0, 2.0],
            kinds: vec![1.0, 0.0, 0.0, 1.0],
            far: 0.0,
            near: 0.5,
        };
        let mut head = Head::taught(vec![1.0, 0.0, 0.0, 2.0], vec![0.0, 0.5], known).unwrap();
        head.run(&[1.0 + 3.0, 2.0 + 4.0]);
        assert_eq!(head.logits(), [0.6, 2.1]);
        assert_eq!(head.familiarity(), 1.0);
        head.run(&[1.0 - 5.0, 2.0 - 12.0]);
        assert!((head.logits()[0] + 5.0 / 13.0).abs() < 1e-6, "{head:?}");
        assert_eq!(head.familiarity(), 0.0);
        // At the centre there is no direction.
        head.run(&[1.0, 2.0]);
        assert_eq!(head.logits(), [0.0, 0.5]);
    }

    #[test]
    fn weights_that_are_no_rows_or_no_numbers_are_refused() {
        for (weights, biases) in [
            (vec![1.0; 3], vec![0.0; 2]),
            (vec![], vec![0.0]),
            (vec![1.0], vec![]),
            (vec![1.0, f32::NAN], vec![0.0]),
            (vec![1.0], vec![f32::INFINITY]),
        ] {
            let error = Head::new(weights, biases).unwrap_err();
            assert_eq!(
                (error.exit_code(), error.to_string().lines().count()),
                (65, 1)
            );
        }
    }
}
