//! Lays a matched network out for the kernels and writes it to the bundle, layer by layer, so that
//! no more than one layer of weights is in memory at a time.

use goldcrest_kernels::Linear;

use super::form::Network;
use super::layers::{ConvNode, LinearNodes, NormNode};
use super::proto::OnnxFile;
use crate::engine::bundle::{
    BlockEntry, DownEntry, HeadEntry, LinearEntry, Manifest, NormEntry, Section, StageEntry,
    StemEntry, Writer, filled,
};
use crate::engine::digest::HexDigest;
use crate::engine::error::Error;

/// A model file and the bundle that it is packed into.
pub(super) struct Packer<'m> {
    pub model: &'m OnnxFile<'m>,
    pub writer: Writer,
}

/// `values`, filled with zeros to a multiple of 16.
fn fill(values: impl Iterator<Item = f32>) -> Vec<f32> {
    let mut all: Vec<f32> = values.collect();
    all.resize(filled(all.len()), 0.0);
    all
}

impl Packer<'_> {
    /// Writes all arrays of `network`.
    pub fn network(
        &mut self,
        network: &Network,
        model_sha256: &HexDigest,
    ) -> Result<Manifest, Error> {
        let (conv, norm) = &network.stem;
        let mut channels = conv.bias.len();
        let stem = StemEntry {
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
                down = Some(DownEntry {
                    norm: self.norm(norm, Some(layer))?,
                    layer: self.linear(layer, channels)?,
                });
                channels = layer.scales.len();
            }
            let mut blocks = Vec::new();
            for block in &stage.blocks {
                blocks.push(BlockEntry {
                    name: block.name.clone(),
                    taps: self.taps(&block.dw, 49)?,
                    bias: self.filled(&block.dw.bias)?,
                    norm: self.norm(&block.norm, Some(&block.first))?,
                    first: self.linear(&block.first, block.first.inputs)?,
                    second: self.linear(&block.second, block.second.inputs)?,
                });
            }
            stages.push(StageEntry {
                height,
                width,
                channels,
                down,
                blocks,
            });
        }
        let (norm, layer) = &network.head;
        let head = HeadEntry {
            norm: self.norm(norm, Some(layer))?,
            layer: self.linear(layer, layer.inputs)?,
        };
        Ok(Manifest {
            model_sha256: model_sha256.clone(),
            height: network.height,
            width: network.width,
            classes: layer.scales.len(),
            golden: 0,
            stem,
            stages,
            head,
        })
    }

    /// Writes one float for each channel, filled.
    fn filled(&mut self, values: &[f32]) -> Result<Section, Error> {
        self.writer.floats(&fill(values.iter().copied()))
    }

    /// Writes a LayerNorm whose result is the input of `next`, or stays float.
    fn norm(&mut self, norm: &NormNode, next: Option<&LinearNodes>) -> Result<NormEntry, Error> {
        let scale = next.map_or(1.0, |l| f64::from(l.scale));
        let zero = next.map_or(0.0, |l| f64::from(l.zero_point));
        let gain = norm.gain.iter().map(|g| (f64::from(*g) / scale) as f32);
        let shift = norm
            .shift
            .iter()
            .map(|b| (f64::from(*b) / scale + zero) as f32);
        Ok(NormEntry {
            channels: norm.gain.len(),
            epsilon: norm.epsilon,
            gain: self.writer.floats(&fill(gain))?,
            shift: self.writer.floats(&fill(shift))?,
        })
    }

    /// Writes a float convolution's weights, `[channels, taps]` in the file, as rows of filled
    /// channels.
    fn taps(&mut self, conv: &ConvNode, taps: usize) -> Result<Section, Error> {
        let weights = self
            .model
            .constant(&conv.weight)
            .and_then(|t| t.floats())
            .unwrap_or_default();
        let row = |t| fill(weights.iter().skip(t).step_by(taps).copied());
        self.writer
            .floats(&(0..taps).flat_map(row).collect::<Vec<_>>())
    }

    /// Writes a layer whose inputs are groups of `group` real channels, each filled.
    fn linear(&mut self, l: &LinearNodes, group: usize) -> Result<LinearEntry, Error> {
        let columns = l.scales.len();
        let inputs = l.inputs / group * filled(group);
        let row_bytes = inputs.next_multiple_of(64);
        let mut weights = vec![0_i8; row_bytes * filled(columns)];
        let mut sums = vec![0_i32; filled(columns)];
        let constant = self.model.constant(&l.weight);
        let bytes = constant
            .as_ref()
            .and_then(|t| t.signed())
            .unwrap_or_default();
        for (k, row) in bytes.chunks_exact(columns).enumerate() {
            let at = k / group * filled(group) + k % group;
            for (n, w) in row.iter().map(|w| w.cast_signed()).enumerate() {
                weights[Linear::place(row_bytes, at, n)] = w;
                sums[n] += i32::from(w);
            }
        }
        Ok(LinearEntry {
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
