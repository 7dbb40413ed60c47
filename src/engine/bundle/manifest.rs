//! What a bundle says about itself, in TOML at its end.

use serde::{Deserialize, Serialize};

/// Offset and length in bytes of an array in the bundle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section(pub u64, pub u64);

/// A ConvNeXt in the kernels' layout.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// SHA-256 of the ONNX file that it was packed from.
    pub model_sha256: String,
    /// Height of the input in pixels.
    pub height: usize,
    /// Width of the input in pixels.
    pub width: usize,
    /// Logits.
    pub classes: usize,
    /// CRC-32 of the logits, f32 little-endian, of the input that [`golden_input`] gives.
    pub golden: u32,
    /// The first convolution.
    pub stem: Stem,
    /// The stages in order.
    pub stages: Vec<Stage>,
    /// The classifier.
    pub head: Head,
}

/// LayerNorm: gain and shift are f32, one for each filled channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Norm {
    /// Real channels.
    pub channels: usize,
    /// Under the root.
    pub epsilon: f32,
    /// Gain, over the scale of the next layer's input where that is quantised.
    pub gain: Section,
    /// Shift, likewise, with the zero point added.
    pub shift: Section,
}

/// A quantised linear layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Linear {
    /// Its name in the ONNX file.
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

/// The 4x4 convolution and its LayerNorm, in f32.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stem {
    /// 48 taps of filled channels.
    pub weights: Section,
    /// Bias of each channel.
    pub bias: Section,
    /// LayerNorm.
    pub norm: Norm,
}

/// Blocks of one size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Height in pixels.
    pub height: usize,
    /// Width in pixels.
    pub width: usize,
    /// Real channels.
    pub channels: usize,
    /// What leads here from the stage before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub down: Option<Down>,
    /// The blocks in order.
    pub blocks: Vec<Block>,
}

/// LayerNorm and a 2x2 convolution of stride 2.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Down {
    /// LayerNorm over the channels of the stage before.
    pub norm: Norm,
    /// The convolution, over squares of pixels.
    pub layer: Linear,
}

/// Depthwise convolution, LayerNorm, MLP, residual.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Block {
    /// Its name in the ONNX file.
    pub name: String,
    /// f32, 49 taps of filled channels.
    pub taps: Section,
    /// f32, bias of each filled channel.
    pub bias: Section,
    /// LayerNorm.
    pub norm: Norm,
    /// The layer before GELU.
    pub first: Linear,
    /// The layer after GELU.
    pub second: Linear,
}

/// Mean over all pixels, LayerNorm, one linear layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// LayerNorm.
    pub norm: Norm,
    /// The layer.
    pub layer: Linear,
}

/// Value `i` of the input that a packed network is tested on: rough, repeatable and the same
/// everywhere.
pub fn golden_input(i: usize) -> f32 {
    (i * 7919 % 1000) as f32 / 250.0 - 2.0
}

/// Channels filled to whole vectors.
pub fn filled(channels: usize) -> usize {
    channels.next_multiple_of(16)
}

impl Manifest {
    /// Checks that all sizes fit each other and that every section lies within `data`, the bytes
    /// before the manifest.
    ///
    /// # Errors
    /// What does not fit.
    pub fn check(&self, data: u64) -> Result<(), String> {
        let want = |what: &str, found: Section, bytes: usize, align: u64| {
            let Section(at, len) = found;
            let inside =
                at.is_multiple_of(align) && at.checked_add(len).is_some_and(|end| end <= data);
            if inside && len == bytes as u64 {
                return Ok(());
            }
            Err(format!(
                "{what} stands at {at} with {len} bytes instead of {bytes}"
            ))
        };
        let floats = |what: &str, found: Section, n: usize| want(what, found, n * 4, 64);
        let norm = |what: &str, n: &Norm, channels: usize| {
            if n.channels != channels || n.epsilon <= 0.0 {
                return Err(format!(
                    "{what} has {} channels instead of {channels}",
                    n.channels
                ));
            }
            floats(what, n.gain, filled(channels))?;
            floats(what, n.shift, filled(channels))
        };
        let linear = |l: &Linear, inputs: usize, filled_inputs: usize, columns: usize| {
            let what = &l.name;
            let n = filled(columns);
            if (l.inputs, l.filled, l.columns) != (inputs, filled_inputs, columns) || l.scale <= 0.0
            {
                return Err(format!(
                    "{what} is {}x{} instead of {inputs}x{columns}",
                    l.inputs, l.columns
                ));
            }
            want(what, l.weights, filled_inputs.next_multiple_of(64) * n, 64)?;
            floats(what, l.sums, n)?;
            floats(what, l.scales, n)?;
            floats(what, l.biases, n)
        };
        let first = self.stages.first().ok_or("it has no stages")?;
        let side = 4..=1 << 14;
        if !side.contains(&self.height)
            || !side.contains(&self.width)
            || !(1..=1 << 20).contains(&self.classes)
            || self.stages.len() > 16
        {
            return Err("its sizes are out of range".into());
        }
        let sane =
            |s: &Stage| s.height.max(s.width) <= 1 << 12 && (1..=1 << 14).contains(&s.channels);
        let (mut height, mut width, mut before) = (self.height / 4, self.width / 4, first.channels);
        if !self.stages.iter().all(sane) {
            return Err("its stages are out of range".into());
        }
        floats("stem", self.stem.weights, 48 * filled(before))?;
        floats("stem", self.stem.bias, filled(before))?;
        norm("stem", &self.stem.norm, before)?;
        for (s, stage) in self.stages.iter().enumerate() {
            let channels = stage.channels;
            if (s > 0) != stage.down.is_some() {
                return Err(format!("stage {s} has no way in"));
            }
            if let Some(down) = &stage.down {
                (height, width) = (height / 2, width / 2);
                norm(&down.layer.name, &down.norm, before)?;
                linear(&down.layer, 4 * before, 4 * filled(before), channels)?;
            }
            if (stage.height, stage.width) != (height, width) || height * width == 0 {
                return Err(format!(
                    "stage {s} is {}x{} instead of {height}x{width}",
                    stage.height, stage.width
                ));
            }
            for block in &stage.blocks {
                let hidden = block.first.columns;
                if !(1..=1 << 16).contains(&hidden) {
                    return Err(format!("{} has {hidden} columns", block.first.name));
                }
                floats(&block.name, block.taps, 49 * filled(channels))?;
                floats(&block.name, block.bias, filled(channels))?;
                norm(&block.name, &block.norm, channels)?;
                linear(&block.first, channels, filled(channels), hidden)?;
                linear(&block.second, hidden, filled(hidden), channels)?;
            }
            before = channels;
        }
        norm("head", &self.head.norm, before)?;
        linear(&self.head.layer, before, filled(before), self.classes)
    }

    /// All quantised layers in order, each with the rows that it is run on.
    pub fn layers(&self) -> Vec<(&Linear, usize)> {
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
