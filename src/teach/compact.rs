//! Features in a byte each.

/// Features of one picture, a byte each: `features[k] = step * values[k]`. A feature is off by at
/// most half a step, and the largest is 127 steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Compact {
    step: f32,
    values: Vec<i8>,
}

impl Compact {
    /// The nearest to `features`, which are finite.
    pub fn of(features: &[f32]) -> Self {
        let most = features.iter().fold(0.0_f32, |most, v| most.max(v.abs()));
        let step = most / 127.0;
        // Features so small that their step is 0 are none.
        let value = |v: &f32| {
            if step > 0.0 {
                (v / step).round() as i8
            } else {
                0
            }
        };
        Self {
            step,
            values: features.iter().map(value).collect(),
        }
    }

    /// Writes the features to `out`, of which there are as many.
    pub fn expand(&self, out: &mut [f32]) {
        for (place, value) in out.iter_mut().zip(&self.values) {
            *place = self.step * f32::from(*value);
        }
    }

    /// Puts the step, little-endian, and the values behind what `out` holds: 4 bytes more than
    /// there are features.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.step.to_le_bytes());
        out.extend(self.values.iter().map(|v| v.cast_unsigned()));
    }

    /// Takes what [`Compact::write`] wrote; None if these are no such bytes.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (step, values) = bytes.split_first_chunk()?;
        let step = f32::from_le_bytes(*step);
        let sound = step.is_finite() && (step * 127.0).is_finite() && step >= 0.0;
        sound.then(|| Self {
            step,
            values: values.iter().map(|v| v.cast_signed()).collect(),
        })
    }

    /// How many features there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_is_off_by_half_a_step_at_most() {
        let features: Vec<f32> = (0..768).map(|i| (i as f32 * 0.37).sin() * 3.0).collect();
        let compact = Compact::of(&features);
        let mut back = vec![0.0; 768];
        compact.expand(&mut back);
        let step = 3.0 / 127.0;
        for (a, b) in features.iter().zip(&back) {
            assert!((a - b).abs() <= 0.5001 * step, "{a} {b}");
        }
    }

    #[test]
    fn bytes_are_read_as_they_were_written() {
        for features in [vec![1.0, -127.0, 3.4], vec![0.0; 3], vec![1e-44; 2], vec![]] {
            let compact = Compact::of(&features);
            let mut bytes = Vec::new();
            compact.write(&mut bytes);
            assert_eq!(bytes.len(), 4 + features.len());
            assert_eq!(Compact::read(&bytes), Some(compact));
        }
    }

    #[test]
    fn other_bytes_are_refused() {
        for step in [f32::NAN, f32::INFINITY, -1.0, f32::MAX] {
            let mut bytes = step.to_le_bytes().to_vec();
            bytes.push(1);
            assert_eq!(Compact::read(&bytes), None, "{step}");
        }
        assert_eq!(Compact::read(&[0; 3]), None);
    }
}
