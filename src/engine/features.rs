//! The features of a picture: the backbone's result, pooled and normalised.

use goldcrest_kernels::{Machine, Norm};

use super::bundle::Bundle;

/// The last LayerNorm in f32, and its result for the newest picture.
///
/// The bundle holds gain and shift as the stock head needs them: over the scale of its quantised
/// input, with its zero point added. Here they are as in the ONNX file again, but for rounding: of
/// the same mean, a feature is within 2e-6 of the one in double precision.
#[derive(Debug)]
pub(super) struct Features {
    gain: Vec<f32>,
    shift: Vec<f32>,
    channels: usize,
    epsilon: f32,
    /// Filled, like gain and shift.
    values: Vec<f32>,
}

impl Features {
    /// The features of the network in `bundle`, 0 until there is a picture.
    pub fn new(bundle: &Bundle) -> Self {
        let head = &bundle.manifest().head;
        let (scale, zero) = (
            f64::from(head.layer.scale),
            f64::from(head.layer.zero_point),
        );
        let norm = bundle.norm(&head.norm);
        let real = |values: &[f32], zero: f64| -> Vec<f32> {
            let own = values[..norm.channels].iter();
            let mut all: Vec<f32> = own
                .map(|v| ((f64::from(*v) - zero) * scale) as f32)
                .collect();
            all.resize(values.len(), 0.0);
            all
        };
        Self {
            gain: real(norm.gain, 0.0),
            shift: real(norm.shift, zero),
            channels: norm.channels,
            epsilon: norm.epsilon,
            values: vec![0.0; norm.gain.len()],
        }
    }

    /// Takes in the mean over the last feature map.
    pub fn update(&mut self, machine: &Machine, mean: &[f32]) {
        self.values.copy_from_slice(mean);
        let norm = Norm {
            gain: &self.gain,
            shift: &self.shift,
            channels: self.channels,
            epsilon: self.epsilon,
        };
        machine.norm_floats(&mut self.values, &norm);
    }

    /// One feature for each channel.
    pub fn values(&self) -> &[f32] {
        &self.values[..self.channels]
    }
}
