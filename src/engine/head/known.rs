//! What a taught head knows of the features it was taught.

use super::dot::dot;
use crate::engine::error::Error;

/// Where the features of the kinds that were taught lie.
///
/// The direction of a picture is its features less `centre`, brought to length 1; the weights are
/// applied to it. How familiar it is depends on its features as they are, without the centre: on
/// their cosine to the nearest of `kinds`.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// The mean of the features that were taught, a number a feature.
    pub centre: Vec<f32>,
    /// The mean of each class's features of length 1, of length 1 again: a row of as many as there
    /// are features each.
    pub kinds: Vec<f32>,
    /// The cosine to the nearest kind up to which a picture is a stranger.
    pub far: f32,
    /// The cosine from which it is certainly familiar; above `far`.
    pub near: f32,
}

impl Known {
    /// Refuses numbers that are not finite, and sizes other than those of a head with so many
    /// inputs and classes.
    pub(super) fn fits(&self, inputs: usize, classes: usize) -> Result<(), Error> {
        let all = self.centre.iter().chain(&self.kinds);
        let finite = all.chain([&self.far, &self.near]).all(|v| v.is_finite());
        if self.centre.len() == inputs
            && self.kinds.len() == inputs * classes
            && finite
            && self.far < self.near
        {
            return Ok(());
        }
        Err(Error::Head(
            "the head's centre, kinds and distance limit do not fit its weights".into(),
        ))
    }

    /// Numbers that it holds.
    pub(super) fn len(&self) -> usize {
        self.centre.len() + self.kinds.len()
    }

    /// The direction of `features`; 0 at the centre itself.
    pub(super) fn unit(&self, features: &[f32], unit: &mut [f32]) {
        for ((u, x), c) in unit.iter_mut().zip(features).zip(&self.centre) {
            *u = x - c;
        }
        let length = dot(unit, unit).sqrt();
        let scale = if length > 0.0 { 1.0 / length } else { 0.0 };
        // The reciprocal of a subnormal length is infinite.
        if scale.is_finite() {
            unit.iter_mut().for_each(|u| *u *= scale);
        } else {
            unit.fill(0.0);
        }
    }

    /// The probability that a picture with these features is of a kind that was taught: a smooth
    /// step from `far` to `near`. It takes no exponential, whose last bits differ between systems.
    pub(super) fn familiarity(&self, features: &[f32]) -> f32 {
        let kinds = self.kinds.chunks_exact(features.len());
        let nearest = kinds.map(|kind| dot(kind, features)).reduce(f32::max);
        let length = dot(features, features).sqrt();
        // Features of no length are those of no kind, and so are those that are not finite.
        let nearest = nearest.unwrap_or(-1.0) / length.max(f32::MIN_POSITIVE);
        if !nearest.is_finite() {
            return 0.0;
        }
        let t = ((nearest - self.far) / (self.near - self.far)).clamp(0.0, 1.0);
        t * t * (3.0 - 2.0 * t)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Known {
        Known {
            centre: vec![0.0; 2],
            kinds: vec![1.0, 0.0],
            far: 0.2,
            near: 0.6,
        }
    }

    #[test]
    fn familiarity_is_a_smooth_step_between_the_limits() {
        let at = |cosine: f32| {
            let sine = (1.0 - cosine * cosine).sqrt();
            known().familiarity(&[5.0 * cosine, 5.0 * sine])
        };
        assert_eq!(
            (at(-1.0), at(0.19), at(0.61), at(1.0)),
            (0.0, 0.0, 1.0, 1.0)
        );
        assert!((at(0.4) - 0.5).abs() < 1e-5);
        assert!(at(0.3) > 0.0 && at(0.3) < at(0.4));
    }

    #[test]
    fn features_without_a_length_or_not_finite_are_strangers() {
        for features in [[0.0, 0.0], [f32::NAN, 1.0], [f32::INFINITY, 1.0]] {
            assert_eq!(known().familiarity(&features), 0.0, "{features:?}");
        }
    }

    #[test]
    fn a_direction_has_length_one_or_none() {
        let mut unit = [7.0; 2];
        known().unit(&[3.0, -4.0], &mut unit);
        assert_eq!(unit, [3.0 * 0.2, -4.0 * 0.2]);
        for features in [[0.0, 0.0], [1e-44, 0.0]] {
            known().unit(&features, &mut unit);
            assert!(unit.iter().all(|u| u.is_finite()), "{unit:?}");
        }
    }

    #[test]
    fn sizes_and_numbers_that_do_not_fit_are_refused() {
        assert!(known().fits(2, 1).is_ok());
        assert!(known().fits(2, 2).is_err());
        assert!(known().fits(1, 2).is_err());
        for bad in [
            Known {
                far: 0.6,
                ..known()
            },
            Known {
                near: f32::NAN,
                ..known()
            },
            Known {
                kinds: vec![f32::INFINITY, 0.0],
                ..known()
            },
        ] {
            assert!(bad.fits(2, 1).is_err());
        }
    }
}
