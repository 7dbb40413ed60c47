//! The description of a bundle, in TOML at its end.

use goldcrest_kernels::LayerShape;
use serde::{Deserialize, Serialize};

use crate::engine::digest::HexDigest;
use crate::engine::labels::is_control;

/// Offset and length in bytes of an array in the bundle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Section(pub u64, pub u64);

/// A ConvNeXt in the kernels' layout.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    /// SHA-256 of the ONNX file that it was packed from.
    pub model_sha256: HexDigest,
    /// Height of the input in pixels.
    pub height: usize,
    /// Width of the input in pixels.
    pub width: usize,
    /// Number of logits.
    pub classes: usize,
    /// CRC-32 of the logits, f32 little-endian, of the input [`golden_input`].
    pub golden: u32,
    /// The first convolution.
    pub stem: StemEntry,
    /// The stages in order.
    pub stages: Vec<StageEntry>,
    /// The classifier.
    pub head: HeadEntry,
}

/// LayerNorm: gain and shift are f32, one for each filled channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NormEntry {
    /// Real channels.
    pub channels: usize,
    /// Added to the variance under the root.
    pub epsilon: f32,
    /// Gain, over the scale of the next layer's input where that is quantised.
    pub gain: Section,
    /// Shift, likewise, with the zero point added.
    pub shift: Section,
}

/// A quantised linear layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinearEntry {
    /// The name in the ONNX file.
    pub name: String,
    /// Real inputs.
    pub inputs: usize,
    /// Inputs, filled.
    pub filled: usize,
    /// Real columns.
    pub columns: usize,
    /// Scale of the input.
    pub scale: f32,
    /// Zero point of the input.
    pub zero_point: u8,
    /// s8 in blocks of 16 columns.
    pub weights: Section,
    /// i32, the sum of each column's weights.
    pub sums: Section,
    /// f32, scale of the input times scale of each column.
    pub scales: Section,
    /// f32, bias of each column.
    pub biases: Section,
}

impl LinearEntry {
    /// The shape, filled.
    pub(crate) fn shape(&self) -> LayerShape {
        LayerShape {
            inputs: self.filled,
            columns: filled(self.columns),
        }
    }
}

/// The 4x4 convolution and its LayerNorm, in f32.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StemEntry {
    /// 48 taps of filled channels.
    pub weights: Section,
    /// Bias of each channel.
    pub bias: Section,
    /// After the convolution.
    pub norm: NormEntry,
}

/// Blocks of one size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StageEntry {
    /// Height in pixels.
    pub height: usize,
    /// Width in pixels.
    pub width: usize,
    /// Real channels.
    pub channels: usize,
    /// The way here from the stage before; the first stage has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub down: Option<DownEntry>,
    /// The blocks in order.
    pub blocks: Vec<BlockEntry>,
}

/// LayerNorm and a 2x2 convolution of stride 2.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DownEntry {
    /// LayerNorm over the channels of the stage before.
    pub norm: NormEntry,
    /// The convolution, over squares of pixels.
    pub layer: LinearEntry,
}

/// Depthwise convolution, LayerNorm, MLP, residual.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BlockEntry {
    /// The name in the ONNX file.
    pub name: String,
    /// f32, 49 taps of filled channels.
    pub taps: Section,
    /// f32, bias of each filled channel.
    pub bias: Section,
    /// After the convolution.
    pub norm: NormEntry,
    /// The layer before GELU.
    pub first: LinearEntry,
    /// The layer after GELU.
    pub second: LinearEntry,
}

/// Mean over all pixels, LayerNorm, one linear layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeadEntry {
    /// Over the mean.
    pub norm: NormEntry,
    /// The classifier.
    pub layer: LinearEntry,
}

/// Value `i` of the input that a packed network is tested on: rough, repeatable and the same
/// everywhere.
pub(crate) fn golden_input(i: usize) -> f32 {
    (i * 7919 % 1000) as f32 / 250.0 - 2.0
}

/// The longest name of a layer, in bytes.
pub(super) const LONGEST_NAME: usize = 256;

/// Whether a layer of a bundle may have this name.
pub(crate) fn is_name(name: &str) -> bool {
    name.len() <= LONGEST_NAME && !name.chars().any(is_control)
}

/// Channels filled to whole vectors.
pub(crate) fn filled(channels: usize) -> usize {
    channels.next_multiple_of(16)
}

impl Manifest {
    /// All quantised layers in order, each with the rows that it is run on.
    pub(crate) fn layers(&self) -> Vec<(&LinearEntry, usize)> {
        let mut all = Vec::new();
        for stage in &self.stages {
            let pixels = stage.height * stage.width;
            all.extend(stage.down.as_ref().map(|d| (&d.layer, pixels)));
            all.extend(
                stage
                    .blocks
                    .iter()
                    .flat_map(|b| [(&b.first, pixels), (&b.second, pixels)]),
            );
        }
        all.push((&self.head.layer, 1));
        all
    }
}
