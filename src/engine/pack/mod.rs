//! `goldcrest pack`: from the ONNX file to the bundle.
//!
//! The file is mapped and matched with the one [`form`]; weights are then laid out for the kernels
//! layer by layer, so that no more than one layer of them is in memory at a time.

mod form;
mod graph;
mod layers;
mod proto;
mod quantised;

pub use quantised::{Quantised, quantised};

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::bundle::{
    self, Block, Bundle, Down, Head, Linear, Manifest, Norm, Section, Stage, Stem, Writer, filled,
};
use super::kernels::{self, KernelSet};
use super::{Classifier, Error, sha256};
use proto::Model;

/// What was packed.
#[derive(Clone, Debug, Serialize)]
pub struct PackReport {
    /// The bundle.
    pub bundle: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of the ONNX file, in hex.
    pub model_hash: String,
    /// Quantised layers.
    pub layers: usize,
    /// Bytes of quantised weights in the ONNX file.
    pub weight_bytes: u64,
}

/// Packs the ONNX file `model` into a bundle at `out`, replacing what stands there.
///
/// # Errors
/// [`Error::Io`], or [`Error::Model`] that names the first node that differs from the one form that
/// can be packed.
pub fn pack(model: &Path, out: &Path) -> Result<PackReport, Error> {
    let model_hash = sha256(model)?;
    let map = bundle::map(model).map_err(|cause| Error::Io {
        path: model.into(),
        cause,
    })?;
    let bad = |message: String| Error::Model {
        path: model.into(),
        message,
    };
    let read = Model::read(&map);
    let read =
        read.ok_or_else(|| bad("it is not an ONNX model, or it is cut short; restore it".into()))?;
    let network = form::matched(&read).map_err(|differs| {
        bad(format!(
            "it cannot be packed: {differs}; pack a file that the tools in model/tools wrote, or let plain tract run it"
        ))
    })?;
    let mut layout = Layout {
        model: &read,
        writer: Writer::new(out)?,
    };
    let mut manifest = layout.network(&network, &model_hash)?;
    let bytes = layout.writer.finish(&mut manifest, |path| {
        let kernel = KernelSet::choose(None)?;
        Classifier::of(Bundle::open(path)?, 1, kernel)?.golden()
    })?;
    let layers = manifest.layers();
    Ok(PackReport {
        bundle: out.into(),
        bytes,
        model_hash,
        layers: layers.len(),
        weight_bytes: layers
            .iter()
            .map(|(l, _)| (l.inputs * l.columns) as u64)
            .sum(),
    })
}

struct Layout<'m> {
    model: &'m Model<'m>,
    writer: Writer,
}

/// `values`, filled with zeros to a multiple of 16.
fn fill(values: impl Iterator<Item = f32>) -> Vec<f32> {
    let mut all: Vec<f32> = values.collect();
    all.resize(filled(all.len()), 0.0);
    all
}

impl Layout<'_> {
    fn network(&mut self, network: &form::Network, model_sha256: &str) -> Result<Manifest, Error> {
        let (conv, norm) = &network.stem;
        let mut channels = conv.bias.len();
        let stem = Stem {
            weights: self.taps(conv, 48)?,
            bias: self.filled(&conv.bias)?,
            norm: self.norm(norm, None)?,
        };
        let (mut height, mut width) = (network.height / 4, network.width / 4);
        let mut stages = Vec::new();
        for stage in &network.stages {
            let mut down = None;
            if let Some((norm, layer)) = &stage.down {
                (height, width) = (height / 2, width / 2);
                down = Some(Down {
                    norm: self.norm(norm, Some(layer))?,
                    layer: self.linear(layer, channels)?,
                });
                channels = layer.scales.len();
            }
            let mut blocks = Vec::new();
            for block in &stage.blocks {
                blocks.push(Block {
                    name: block.name.clone(),
                    taps: self.taps(&block.dw, 49)?,
                    bias: self.filled(&block.dw.bias)?,
                    norm: self.norm(&block.norm, Some(&block.first))?,
                    first: self.linear(&block.first, block.first.inputs)?,
                    second: self.linear(&block.second, block.second.inputs)?,
                });
            }
            stages.push(Stage {
                height,
                width,
                channels,
                down,
                blocks,
            });
        }
        let (norm, layer) = &network.head;
        let head = Head {
            norm: self.norm(norm, Some(layer))?,
            layer: self.linear(layer, layer.inputs)?,
        };
        Ok(Manifest {
            model_sha256: model_sha256.into(),
            height: network.height,
            width: network.width,
            classes: layer.scales.len(),
            golden: 0,
            stem,
            stages,
            head,
        })
    }

    fn filled(&mut self, values: &[f32]) -> Result<Section, Error> {
        self.writer.floats(&fill(values.iter().copied()))
    }

    /// A LayerNorm whose result is the input of `next`, or stays float.
    fn norm(&mut self, norm: &form::Norm, next: Option<&form::Linear>) -> Result<Norm, Error> {
        let scale = next.map_or(1.0, |l| f64::from(l.scale));
        let zero = next.map_or(0.0, |l| f64::from(l.zero_point));
        let gain = norm.gain.iter().map(|g| (f64::from(*g) / scale) as f32);
        let shift = norm
            .shift
            .iter()
            .map(|b| (f64::from(*b) / scale + zero) as f32);
        Ok(Norm {
            channels: norm.gain.len(),
            epsilon: norm.epsilon,
            gain: self.writer.floats(&fill(gain))?,
            shift: self.writer.floats(&fill(shift))?,
        })
    }

    /// A float convolution's weights, `[channels, taps]` in the file, as rows of filled channels.
    fn taps(&mut self, conv: &form::Conv, taps: usize) -> Result<Section, Error> {
        let weights = self
            .model
            .tensor(&conv.weight)
            .and_then(|t| t.floats())
            .unwrap_or_default();
        let row = |t| fill(weights.iter().skip(t).step_by(taps).copied());
        self.writer
            .floats(&(0..taps).flat_map(row).collect::<Vec<_>>())
    }

    /// A layer whose inputs are groups of `group` real channels, each filled.
    fn linear(&mut self, l: &form::Linear, group: usize) -> Result<Linear, Error> {
        let columns = l.scales.len();
        let inputs = l.inputs / group * filled(group);
        let row_bytes = inputs.next_multiple_of(64);
        let mut weights = vec![0_i8; row_bytes * filled(columns)];
        let mut sums = vec![0_i32; filled(columns)];
        let tensor = self.model.tensor(&l.weight);
        let bytes = tensor.as_ref().and_then(|t| t.signed()).unwrap_or_default();
        for (k, row) in bytes.chunks_exact(columns).enumerate() {
            let at = k / group * filled(group) + k % group;
            for (n, w) in row.iter().map(|w| w.cast_signed()).enumerate() {
                weights[kernels::Linear::place(row_bytes, at, n)] = w;
                sums[n] += i32::from(w);
            }
        }
        Ok(Linear {
            name: l.name.clone(),
            inputs: l.inputs,
            filled: inputs,
            columns,
            scale: l.scale,
            zero_point: l.zero_point,
            weights: self.writer.weights(&weights)?,
            sums: self.writer.integers(&sums)?,
            scales: self
                .writer
                .floats(&fill(l.scales.iter().map(|s| s * l.scale)))?,
            biases: self.filled(&l.bias)?,
        })
    }
}
